//! `bench [SECTION...]`: measures what `make release` and `bench/baselines` have built, each
//! figure beside its baseline in the same run; prints a table, and writes `results.json`,
//! `tables.md` and plots to `target/bench`. Sections are validate, login, start, size and
//! scaling; without one, all. `ROUNDS` (5) and `ROUND_SECONDS` (3) say how long it measures.

mod contender;
mod hash_loop;
mod http_load;
mod lambda;
mod machine;
mod paced;
mod plan;
mod plot;
mod proc_usage;
mod report;
mod sections;
mod series;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hash-loop", kind, seconds, threads] => hash_loop::main(kind, seconds, threads),
        names => sections::run(names),
    }
}
