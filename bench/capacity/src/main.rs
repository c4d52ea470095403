//! What rates of logins and validations take, and what a storm of logins does: `capacity write`
//! prints the tables of docs/capacity.md and puts them there, `capacity check` compares them.

mod costs;
mod figure;
mod limits;
mod page;
mod platform;
mod prices;
mod resources;
mod rounding;
mod storm;
mod table;
mod tables;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["check"] => page::check(),
        ["write"] => page::write(),
        _ => {
            eprintln!("capacity write, or capacity check");
            ExitCode::from(64)
        }
    }
}
