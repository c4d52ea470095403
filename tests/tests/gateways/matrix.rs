//! Gateway × check, as it is printed and as `examples/gateways/README.md` has it.

use std::fs;

use system_tests::workspace;

use crate::{checks::CHECKS, setup::EXAMPLES};

/// One gateway's cells: `None` where the check failed.
pub(crate) type Column = [Option<String>; CHECKS.len()];

/// The table, in Markdown.
pub(crate) fn table(columns: &[Column]) -> String {
    let head = EXAMPLES.iter().map(|example| example.name.to_owned());
    let mut lines = vec![line("", head), line("---", EXAMPLES.iter().map(|_| "---".to_owned()))];
    for (row, check) in CHECKS.iter().enumerate() {
        let cells = columns.iter().map(|column| column[row].clone());
        lines.push(line(check.name, cells.map(|cell| cell.unwrap_or("FAILED".into()))));
    }
    lines.join("\n")
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| format!(" {cell:<15} |")).collect();
    format!("| {name:<20} |{}", cells.concat())
}

/// That the README tells what was seen.
pub(crate) fn check_readme(columns: &[Column]) {
    let readme = fs::read_to_string(workspace().join("examples/gateways/README.md"));
    let readme = readme.expect("a file");
    for line in table(columns).lines().filter(|line| !line.contains("---")) {
        assert!(readme.contains(line), "examples/gateways/README.md does not say\n{line}");
    }
}
