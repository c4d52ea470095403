//! `auth-admin`: users and the keys of tokens, from the command line.
//!
//! It works on the same database and the same keys as `login`, through the same code: what it
//! stores is what `login` reads.

mod accepted;
mod check;
mod cli;
mod database;
mod import;
mod key;
pub mod store;
mod stored_form;
mod terminal;
mod throttle;
mod upgrade;
mod user;

use std::process::ExitCode;

/// Does what the command line asks for.
pub async fn run() -> ExitCode {
    terminal::print(cli::run().await)
}
