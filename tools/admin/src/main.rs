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
mod stored_form;
mod terminal;
mod throttle;
mod upgrade;
mod user;

use std::process::ExitCode;

// One thread is enough: hashes are computed on threads of their own, and there is one connection to
// the database.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    terminal::print(cli::run().await)
}
