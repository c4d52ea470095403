//! `auth-admin`: users and the keys of tokens, from the command line.
//!
//! It works on the same database and the same keys as `login`, through the same code: what it
//! stores is what `login` reads.

mod accepted;
mod answer;
mod ask;
mod check;
mod cli;
mod database;
mod import;
mod key;
mod stored_form;
mod throttle;
mod upgrade;
mod user;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
