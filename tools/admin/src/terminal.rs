//! Prompts, output, error messages and the exit status of a command. Lists are a table, or JSON
//! for programs.
//!
//! Passwords are never arguments: arguments are in the shell's history, and every user of the
//! machine can see them.

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

/// A longer line cannot be a password.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Why a command has failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Text for standard output, like that of a successful command.
    pub(crate) text: String,
    /// Error messages, one per line, without passwords and hashes.
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

    /// Adds text to the message, in the same line.
    pub(crate) fn with_suffix(self, more: &str) -> Self {
        Self::because(format!("{}; {more}", self.reasons.join("; ")))
    }

    /// Adds messages.
    pub(crate) fn with_reasons(mut self, reasons: Vec<String>) -> Self {
        self.reasons.extend(reasons);
        self
    }
}

/// Errors whose messages contain no secrets; those of other libraries may.
trait WithoutSecrets: ToString {}

impl WithoutSecrets for DatabaseError {}
impl WithoutSecrets for UserStoreError {}
impl WithoutSecrets for HashingError {}
impl WithoutSecrets for KeyError {}

impl<E: WithoutSecrets> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::because(error.to_string())
    }
}

/// Reads and checks a new password: from the first line of standard input, or twice from a prompt.
pub(crate) fn new_password(is_on_stdin: bool) -> Result<SecretString, Failure> {
    let password: SecretString = if is_on_stdin {
        let line = io::stdin().lock().take(MAX_LINE_BYTES).lines().next();
        let line = line.ok_or_else(|| Failure::because("standard input is empty"))?;
        line.map_err(|error| Failure::because(format!("standard input: {error}")))?.into()
    } else if io::stdin().is_terminal() {
        prompt("Password: ")?
    } else {
        // With standard input from elsewhere the user does not expect a prompt.
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

/// Asks for confirmation, unless `yes` is true. Fails with `refusal` if the answer is no.
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

/// Prints the text with a line break, and the messages of a failure on standard error. A broken
/// pipe (`… | head`) is not an error.
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
        // If standard error is closed, the exit status still reports the failure.
        drop(writeln!(io::stderr(), "error: {}", escaped(&reason)));
    }
    ExitCode::from(exit)
}

/// `text` with control characters escaped: text from the database or from keys must not control
/// the terminal.
pub(crate) fn escaped(text: &str) -> String {
    let escaped = |it: char| match it {
        it if it.is_control() => format!("\\u{:04x}", u32::from(it)),
        it => it.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// The rows as a JSON array, or as a table of these members with aligned columns.
pub(crate) fn listing<const N: usize>(rows: Vec<Value>, json: bool, members: [&str; N]) -> String {
    if json {
        return format!("{:#}", Value::from(rows));
    }
    let head = members.map(|name| name.replace('_', " ").to_uppercase());
    let cells = |row: &Value| {
        members.map(|member| match &row[member] {
            Value::Null => "-".to_owned(),
            Value::Bool(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
            Value::String(text) => escaped(text),
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
    fn columns_are_aligned_and_control_characters_are_escaped() {
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
