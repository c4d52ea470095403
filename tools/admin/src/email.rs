//! Which e-mails a user may be added with.

/// As long as a path of SMTP may be, without its brackets (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

/// Why no user can be added with this e-mail, if there is a reason.
pub(crate) fn check(email: &str) -> Result<(), String> {
    let has_blank = email.chars().any(|it| it.is_control() || it.is_whitespace());
    let is_address = email.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    Err(if email.is_empty() {
        "the e-mail is empty".to_owned()
    } else if email.len() > MAX_EMAIL_BYTES {
        format!("the e-mail is longer than {MAX_EMAIL_BYTES} bytes")
    } else if has_blank {
        // A control character can stand neither in a user-id of RFC 7617 nor in a header; a blank
        // is a slip of the keyboard.
        "the e-mail contains a blank or a control character".to_owned()
    } else if email.contains(':') {
        // In `user-id:password` (RFC 7617) the user-id ends at the first colon.
        "the e-mail contains a colon".to_owned()
    } else if !is_address {
        // Everything else is for the mail server to know.
        "the e-mail is not of the form name@domain".to_owned()
    } else {
        return Ok(());
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_that_could_not_log_in_is_refused() {
        let longest = format!("{}@example.com", "x".repeat(MAX_EMAIL_BYTES - 12));
        for email in ["ada@example.com", "a@b", "ädä+x@exämple.com", &longest] {
            assert_eq!(check(email), Ok(()), "{email}");
        }
        for (problem, emails) in [
            ("is empty", &[""][..]),
            ("is longer than 254 bytes", &[&format!("x{longest}")]),
            (
                "contains a blank or a control character",
                &["a @b", " a@b", "a\u{a0}@b", "a@b\n", "a\0@b", "a\u{1b}@b"],
            ),
            ("contains a colon", &["a:b@example.com"]),
            ("is not of the form name@domain", &["ada", "@", "a@", "@b", "a@b@c", "a@@b"]),
        ] {
            for email in emails {
                assert_eq!(check(email), Err(format!("the e-mail {problem}")), "{email:?}");
            }
        }
    }
}
