//! Both functions in one process, for trying them out: `make run`.
//!
//! `local prepare` only creates the files that `make watch` needs.

mod docs;
mod function;

use std::process::ExitCode;

use shared::serve::{GatewayEvent, run};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        // Without a counter: its requests are two kinds in one.
        None => run::<GatewayEvent, _>("local", None, function::configure, &function::variables()),
        Some("prepare") => function::prepare().unwrap_or_else(|reason| {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }),
        Some(_) => {
            eprintln!("usage: local [prepare]");
            ExitCode::from(64)
        }
    }
}
