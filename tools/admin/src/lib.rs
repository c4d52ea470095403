//! `auth-admin`: users, tokens and the keys of tokens from the command line.
//!
//! It works on the same database and the same keys as `login`, through the same code:
//! what it stores is what `login` reads, and what it calls valid is what `validate` lets
//! through.
//!
//! # Layout
//!
//! * `cli`: the commands, and which module does each: `user`, `import`, `upgrade`, `check`,
//!   `key`, `throttle`, `token`. Each module has the arguments of its command, and their doc
//!   comments are `--help`
//! * `ask`: passwords and confirmations from a terminal or standard input
//! * `email`, `weakness`, `stored_form`: what is accepted, and what a row holds
//! * `database`, `hashing`: all users a page at a time, and many hashes at once
//! * `answer`, `table`: what is printed where, and the exit status

mod answer;
mod ask;
mod check;
mod cli;
mod database;
mod email;
mod hashing;
mod import;
mod key;
mod stored_form;
mod table;
mod throttle;
mod token;
mod upgrade;
mod user;
mod weakness;

pub use cli::run;
