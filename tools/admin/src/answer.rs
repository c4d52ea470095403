//! What a command says, where, and with which exit status. Listings are a table for a person, or
//! JSON for a program.

use std::{
    array,
    io::{self, Write},
    iter,
    process::ExitCode,
};

use serde_json::Value;
use shared::{config::Problem, password::HashingError, users::StoreError};

/// `EX_CONFIG` of sysexits.h, as `login` and `validate` exit with it.
const EXIT_CONFIGURATION: u8 = 78;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What it says all the same, as a command that succeeds.
    text: String,
    /// One a line; never a password or a hash in them.
    pub(crate) reasons: Vec<String>,
    exit: u8,
}

impl Failure {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self::refused(vec![reason.into()])
    }

    pub(crate) fn refused(reasons: Vec<String>) -> Self {
        Self { text: String::new(), reasons, exit: 1 }
    }

    /// The command did its work, and the result is a no.
    pub(crate) fn found(text: String) -> Self {
        Self { text, reasons: Vec::new(), exit: 1 }
    }

    /// The environment is not as it should be: everything that is wrong with it.
    pub(crate) fn configuration(problems: &[Problem]) -> Self {
        let reasons = problems.iter().map(Problem::to_string).collect();
        Self { text: String::new(), reasons, exit: EXIT_CONFIGURATION }
    }

    /// The same failure, and in the same line what became of the rest.
    pub(crate) fn then(mut self, more: &str) -> Self {
        self.reasons = vec![format!("{}; {more}", self.reasons.join("; "))];
        self
    }

    /// The same failure with another line.
    pub(crate) fn and(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }
}

/// Prints the text with a line break behind it, and the reasons of a failure on standard error. A
/// reader that takes only the beginning (`… | head`) is no error.
pub(crate) fn print(result: Result<String, Failure>) -> ExitCode {
    let (text, mut reasons, mut exit) = match result {
        Ok(text) => (text, Vec::new(), 0),
        Err(Failure { text, reasons, exit }) => (text, reasons, exit),
    };
    if !text.is_empty()
        && let Err(error) = writeln!(io::stdout(), "{}", text.trim_end())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        reasons.push(format!("standard output: {error}"));
        exit = 1;
    }
    for reason in reasons {
        // Where standard error is closed, the exit status is left.
        drop(writeln!(io::stderr(), "error: {}", shown(&reason)));
    }
    ExitCode::from(exit)
}

// One line for each kind of error, and no blanket implementation: the messages of
// other libraries may quote what must not be shown.

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::because(error.to_string())
    }
}

impl From<HashingError> for Failure {
    fn from(error: HashingError) -> Self {
        Self::because(error.to_string())
    }
}

/// `text` with control characters escaped: what stands in the database or in a token
/// must not command the terminal.
pub(crate) fn shown(text: &str) -> String {
    let escaped = |it: char| match it {
        it if it.is_control() => format!("\\u{:04x}", u32::from(it)),
        it => it.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// The rows as a JSON array, or as a table of these members: one line for each row, the columns as
/// wide as they need to be.
pub(crate) fn listing<const N: usize>(rows: Vec<Value>, json: bool, members: [&str; N]) -> String {
    if json {
        return format!("{:#}", Value::from(rows));
    }
    let head = members.map(|name| name.replace('_', " ").to_uppercase());
    let cells = |row: &Value| members.map(|member| shown(&cell(&row[member])));
    let lines: Vec<[String; N]> = iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; N] = array::from_fn(|column| width(column).unwrap_or_default());
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_do_not_reach_the_terminal() {
        let rows = vec![
            json!({ "email": "ädä@example.com", "admin": true, "added_at": null }),
            json!({ "email": "a@b\u{1b}[2J\u{9b}\n", "admin": false, "added_at": 9 }),
        ];
        let listed = listing(rows, false, ["email", "admin", "added_at"]);
        assert_eq!(
            listed,
            "\
EMAIL                     ADMIN  ADDED AT
ädä@example.com           yes    -
a@b\\u001b[2J\\u009b\\u000a  no     9
"
        );
    }
}
