//! Both functions in one process, for a first look: `make run`.
//!
//! `local prepare` only makes the files that `make watch` needs.

mod environment;
mod files;
mod function;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => shared::serve::run_in::<function::Local>(&environment::LocalEnvironment::new()),
        Some("prepare") => function::prepare(),
        Some(_) => {
            eprintln!("usage: local [prepare]");
            ExitCode::from(64)
        }
    }
}
