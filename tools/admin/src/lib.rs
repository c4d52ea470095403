//! `auth-admin`: users and the keys of tokens, from the command line.
//!
//! It accesses the database and the keys with the code of `login`, so that `login` reads what it
//! stores.

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

/// Runs the command of the command line.
pub async fn run() -> ExitCode {
    terminal::print(cli::run().await)
}
