//! What a command says, where, and with which exit status.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use shared::{config::Problem, password::HashingError, users::StoreError};

use crate::{email::EmailProblem, weakness::Weakness};

/// `EX_CONFIG` of sysexits.h, as `login` and `validate` exit with it.
const EXIT_CONFIGURATION: u8 = 78;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    exit: ExitCode,
}

impl Answer {
    /// It went well; `text` is the result.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: ExitCode::SUCCESS }
    }

    /// The command did its work, and the result is a no.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: ExitCode::FAILURE }
    }

    /// Prints the text with a line break behind it. Whoever reads only the beginning
    /// (`… | head`) has had what they wanted.
    pub(crate) fn print(self) -> ExitCode {
        let mut output = io::stdout().lock();
        let printed = writeln!(output, "{}", self.text.trim_end()).and_then(|()| output.flush());
        match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Failure::because(format!("standard output: {error}")).print()
            }
            _ => self.exit,
        }
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The environment is not as it should be: everything that is wrong with it.
    Configuration(Vec<Problem>),
    /// Something else, in lines; never a password or a hash in them.
    Refused(Vec<String>),
}

impl Failure {
    /// A failure in one line.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self::Refused(vec![reason.into()])
    }

    /// No user has this e-mail.
    pub(crate) fn unknown(email: &str) -> Self {
        Self::because(format!("there is no user with the e-mail {}", shown(email)))
    }

    /// The same failure, and what became of the rest.
    pub(crate) fn with(mut self, more: &str) -> Self {
        if let Self::Refused(reasons) = &mut self
            && let Some(last) = reasons.last_mut()
        {
            last.push_str("; ");
            last.push_str(more);
        }
        self
    }

    /// Prints the lines on standard error.
    pub(crate) fn print(self) -> ExitCode {
        match self {
            Self::Configuration(problems) => {
                print_errors(&problems);
                ExitCode::from(EXIT_CONFIGURATION)
            }
            Self::Refused(reasons) => {
                print_errors(&reasons);
                ExitCode::FAILURE
            }
        }
    }
}

fn print_errors(errors: &[impl Display]) {
    let mut output = io::stderr().lock();
    for error in errors {
        // There is nobody left to tell.
        drop(writeln!(output, "error: {}", shown(&error.to_string())));
    }
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

impl From<EmailProblem> for Failure {
    fn from(problem: EmailProblem) -> Self {
        Self::because(format!("the e-mail {problem}"))
    }
}

impl From<Weakness> for Failure {
    fn from(weakness: Weakness) -> Self {
        Self::because(format!("the password {weakness}"))
    }
}

/// `text` with control characters escaped: what stands in the database or in a token
/// must not command the terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(format!("\\u{:04x}", u32::from(character)).chars());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(shown("ä\u{1b}[2J\u{9b}\n"), "ä\\u001b[2J\\u009b\\u000a");
    }
}
