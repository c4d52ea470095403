//! What is measured.

mod login;
mod scaling;
mod services;
mod size;
mod start;
mod validate;

use std::process::ExitCode;

use crate::{machine::Machine, plan::Plan, report::Report, report::Section};

type Measure = fn(Plan) -> Section;

const ALL: [(&str, Measure); 5] = [
    ("validate", validate::measure),
    ("login", login::measure),
    ("start", start::measure),
    ("size", size::measure),
    ("scaling", scaling::measure),
];

/// Measures these sections, or all.
pub(crate) fn run(names: &[&str]) -> ExitCode {
    if let Some(name) = names.iter().find(|name| ALL.iter().all(|(known, _)| known != *name)) {
        let known = ALL.map(|(name, _)| name).join(", ");
        eprintln!("bench: there is no section {name}, but {known}");
        return ExitCode::FAILURE;
    }
    let plan = Plan::from_environment();
    let mut report = Report::new(Machine::read(), plan);
    println!("{}", report.summary());
    for (name, measure) in ALL {
        if names.is_empty() || names.contains(&name) {
            report.add(measure(plan));
        }
    }
    let (met, missed) = report.verdict();
    println!("{met} targets met, {} not", missed.len());
    for line in missed {
        println!("NOT MET  {line}");
    }
    println!("target/bench: results.json, tables.md and a plot for each kind of figure");
    ExitCode::SUCCESS
}
