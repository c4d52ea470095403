//! What a command asks, what it says, where, and with which exit status. Listings are a table for a
//! person, or JSON for a program.
//!
//! Passwords are never arguments: those are in the shell's history, and every user of the machine
//! can list them.

use std::{
    array,
    io::{self, BufRead, IsTerminal, Read, Write},
    iter,
    process::ExitCode,
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::{
    database::DatabaseError, keys::KeyError, password::HashingError, users::UserStoreError,
};

use crate::accepted;

/// A line that is longer is no password, and need not be kept.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For standard output, as with a command that succeeds.
    pub(crate) text: String,
    /// One a line; never a password or a hash in them.
    pub(crate) reasons: Vec<String>,
    pub(crate) exit: u8,
}

impl Failure {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self::refused(vec![reason.into()])
    }

    pub(crate) fn refused(reasons: Vec<String>) -> Self {
        Self { text: String::new(), reasons, exit: 1 }
    }

    /// The same failure, and in the same line what became of the rest.
    pub(crate) fn then(self, more: &str) -> Self {
        Self::because(format!("{}; {more}", self.reasons.join("; ")))
    }

    /// The same failure with more lines.
    pub(crate) fn and(mut self, reasons: Vec<String>) -> Self {
        self.reasons.extend(reasons);
        self
    }
}

/// Errors whose messages quote nothing that must not be shown, as those of other libraries may.
trait Harmless: ToString {}

impl Harmless for DatabaseError {}
impl Harmless for UserStoreError {}
impl Harmless for HashingError {}
impl Harmless for KeyError {}

impl<E: Harmless> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::because(error.to_string())
    }
}

/// A password that is to be set: asked for twice, or the first line of standard input, and not
/// weak.
pub(crate) fn new_password(is_on_stdin: bool) -> Result<SecretString, Failure> {
    let password: SecretString = if is_on_stdin {
        let line = io::stdin().lock().take(MAX_LINE_BYTES).lines().next();
        let line = line.ok_or_else(|| Failure::because("standard input is empty"))?;
        line.map_err(|error| Failure::because(format!("standard input: {error}")))?.into()
    } else if io::stdin().is_terminal() {
        prompt("Password: ")?
    } else {
        // With input from elsewhere, a prompt on the terminal would come as a surprise.
        return Err(Failure::because(
            "there is no terminal to ask for the password on; \
             give --password-stdin to read it from standard input",
        ));
    };
    accepted::password(password.expose_secret()).map_err(Failure::because)?;
    if !is_on_stdin && prompt("Once more: ")?.expose_secret() != password.expose_secret() {
        return Err(Failure::because("the two passwords differ"));
    }
    Ok(password)
}

fn prompt(text: &str) -> Result<SecretString, Failure> {
    let password = rpassword::prompt_password(text);
    password.map(SecretString::from).map_err(|error| {
        Failure::because(format!("the password could not be read from the terminal: {error}"))
    })
}

/// Goes on if `yes` was given or the answer is yes; else fails with `refusal`.
pub(crate) fn confirm(yes: bool, question: &str, refusal: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::because(
            "there is no terminal to ask for a confirmation on; give --yes to do without",
        ));
    }
    let failed = |error| Failure::because(format!("no answer: {error}"));
    write!(io::stderr(), "{question} [y/N] ").map_err(failed)?;
    let answer = io::stdin().lines().next().transpose().map_err(failed)?;
    match answer.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::because(refusal)),
    }
}

/// Prints the text and a line break, and the reasons of a failure on standard error. A
/// reader that takes only the beginning (`… | head`) is no error.
pub(crate) fn print(result: Result<String, Failure>) -> ExitCode {
    let done = result.map(|text| Failure { text, reasons: Vec::new(), exit: 0 });
    let Failure { text, mut reasons, mut exit } = done.unwrap_or_else(|failure| failure);
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
    let cells = |row: &Value| {
        members.map(|member| match &row[member] {
            Value::Null => "-".to_owned(),
            Value::Bool(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
            Value::String(text) => shown(text),
            other => other.to_string(),
        })
    };
    let lines: Vec<[String; N]> = iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; N] = array::from_fn(|column| width(column).unwrap_or_default());
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
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
