//! What rates of logins and validations take, and what a storm of logins does: prints the tables
//! of docs/capacity.md and puts them there. A test compares them.

mod costs;
mod figure;
mod limits;
mod page;
mod platform;
mod prices;
mod repository;
mod resources;
mod rounding;
mod storm;
mod table;
mod tables;

use std::process::ExitCode;

fn main() -> ExitCode {
    page::write()
}
