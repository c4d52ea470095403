//! Passwords and confirmations, from a terminal or from standard input.
//!
//! Never from an argument: arguments are in the shell's history, and every user of
//! the machine can list them.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::{accepted, answer::Failure};

/// A line that is longer is no password, and need not be kept.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Where a password comes from; the prompt unless told otherwise.
#[derive(Args)]
pub(crate) struct PasswordFrom {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// A password that is to be set: asked for twice, and not weak.
pub(crate) fn new_password(from: &PasswordFrom) -> Result<SecretString, Failure> {
    let password = if from.password_stdin {
        first_line()?
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
    if !from.password_stdin && prompt("Once more: ")?.expose_secret() != password.expose_secret() {
        return Err(Failure::because("the two passwords differ"));
    }
    Ok(password)
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
    let failed = |error: io::Error| Failure::because(format!("no answer: {error}"));
    let mut answer = String::new();
    write!(io::stderr(), "{question} [y/N] ").map_err(failed)?;
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::because(refusal)),
    }
}

/// The first line of standard input, without its line break.
fn first_line() -> Result<SecretString, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line);
    if read.map_err(|error| Failure::because(format!("standard input: {error}")))? == 0 {
        return Err(Failure::because("standard input is empty"));
    }
    let line = line.strip_suffix('\n').map_or(&*line, |it| it.strip_suffix('\r').unwrap_or(it));
    Ok(line.into())
}

fn prompt(text: &str) -> Result<SecretString, Failure> {
    let password = rpassword::prompt_password(text);
    password.map(SecretString::from).map_err(|error| {
        Failure::because(format!("the password could not be read from the terminal: {error}"))
    })
}
