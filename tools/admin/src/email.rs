//! Which e-mails a user may be added with.

use thiserror::Error;

/// As long as a path of SMTP may be, without its brackets (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

/// Why nobody can be added with an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum EmailProblem {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// It would not fit into a mail server, nor into the column.
    #[error("is longer than {MAX_EMAIL_BYTES} bytes")]
    TooLong,
    /// A control character can stand neither in a user-id of RFC 7617 nor in a header;
    /// a blank is a slip of the keyboard.
    #[error("contains a blank or a control character")]
    Blank,
    /// In `user-id:password` (RFC 7617) the user-id ends at the first colon: with such
    /// an e-mail nobody could ever log in.
    #[error("contains a colon")]
    Colon,
    /// Everything else is for the mail server to know.
    #[error("is not of the form name@domain")]
    Form,
}

/// Whether a user may be added with this e-mail.
pub(crate) fn check(email: &str) -> Result<(), EmailProblem> {
    if email.is_empty() {
        return Err(EmailProblem::Empty);
    }
    if email.len() > MAX_EMAIL_BYTES {
        return Err(EmailProblem::TooLong);
    }
    if email.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(EmailProblem::Blank);
    }
    if email.contains(':') {
        return Err(EmailProblem::Colon);
    }
    match email.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() && !domain.contains('@') => {
            Ok(())
        }
        _ => Err(EmailProblem::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_something_on_both_sides_of_one_at() {
        let longest = format!("{}@example.com", "x".repeat(MAX_EMAIL_BYTES - 12));
        for email in ["ada@example.com", "a@b", "ädä+x@exämple.com", &longest] {
            assert_eq!(check(email), Ok(()), "{email}");
        }
        for email in ["ada", "@", "a@", "@b", "a@b@c", "a@@b"] {
            assert_eq!(check(email), Err(EmailProblem::Form), "{email}");
        }
    }

    #[test]
    fn what_could_not_log_in_is_refused() {
        let long = format!("{}@example.com", "x".repeat(MAX_EMAIL_BYTES - 11));
        for (email, problem) in [
            ("", EmailProblem::Empty),
            (&long, EmailProblem::TooLong),
            ("ada @example.com", EmailProblem::Blank),
            (" ada@example.com", EmailProblem::Blank),
            ("ada\u{a0}@example.com", EmailProblem::Blank),
            ("ada@example.com\n", EmailProblem::Blank),
            ("a\0@example.com", EmailProblem::Blank),
            ("a:b@example.com", EmailProblem::Colon),
        ] {
            assert_eq!(check(email), Err(problem), "{email:?}");
        }
    }
}
