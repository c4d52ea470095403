//! `auth-admin`: users, tokens and the keys of tokens from the command line.
//!
//! It works on the same database and the same keys as `login`, through the same code:
//! what it stores is what `login` reads, and what it calls valid is what `validate` lets
//! through.
//!
//! # Layout
//!
//! * `cli`: what may be typed, and `--help`
//! * `commands`: one module for each command, or for a few that are alike
//! * `commands/key`: changes of a key set; its `place` is a file or a secret
//! * `environment`: what a command needs from the environment
//! * `ask`: passwords and confirmations from a terminal or standard input
//! * `email`, `weakness`, `stored_form`: what is accepted, and what a row holds
//! * `hashing`, `progress`, `pages`: many users at once
//! * `answer`: what is printed where, and the exit status

mod answer;
mod ask;
mod cli;
mod commands;
mod email;
mod environment;
mod hashing;
mod pages;
mod progress;
mod stored_form;
mod weakness;

use std::process::ExitCode;

use clap::Parser;

use answer::{Answer, Failure};
use cli::Cli;

/// Does what the command line asks for.
///
/// Standard output has the result; what went wrong is on standard error. The status
/// is 0 for success, 1 for a refusal or a failure, 2 for a command line that cannot be
/// read, and 78 (`EX_CONFIG`) for a wrong configuration.
#[must_use]
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    match in_runtime(commands::run(command)) {
        Ok(answer) => answer.print(),
        Err(failure) => failure.print(),
    }
}

/// One thread is enough: hashes are computed on threads of their own, and there is
/// one connection to the database.
fn in_runtime(work: impl Future<Output = Result<Answer, Failure>>) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::because(format!("no runtime: {error}")))?.block_on(work)
}
