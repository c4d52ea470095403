//! Which e-mails and passwords a user may have.
//!
//! By NIST SP 800-63B section 3.1.1.2 a password is checked for its length and against a list of
//! common passwords; there are no rules on its characters.

use shared::password::MAX_PASSWORD_BYTES;

/// The maximum of a path in SMTP without its brackets (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;
const MIN_PASSWORD_CHARACTERS: usize = 8;
/// For a password on its list zxcvbn returns the rank as the number of guesses. The 3,000 most
/// common ones that are long enough are within the first 9,000. Capitals and spellings such as
/// `p@55w0rd` multiply the rank by little; two words need 10,000 guesses at least.
const MIN_GUESSES: u64 = 9_000;
/// The time of zxcvbn grows with the square of the length; no common password is longer.
const MAX_CHECKED_CHARACTERS: usize = 100;

/// Checks an e-mail; the error is the reason why no user can have it.
pub(crate) fn email(email: &str) -> Result<(), String> {
    let problem = match email.split_once('@') {
        _ if email.is_empty() => "is empty",
        _ if email.len() > MAX_EMAIL_BYTES => "is longer than 254 bytes",
        // Control characters are allowed neither in a user-id of RFC 7617 nor in a header. A blank
        // is a typing error.
        _ if email.contains(|it: char| it.is_control() || it.is_whitespace()) => {
            "contains a blank or a control character"
        }
        // In `user-id:password` (RFC 7617) the user-id ends at the first colon.
        _ if email.contains(':') => "contains a colon",
        // Only the mail server knows whether the rest is valid.
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() && !domain.contains('@') => {
            return Ok(());
        }
        _ => "is not of the form name@domain",
    };
    Err(format!("the e-mail {problem}"))
}

/// Checks a new password; the error is the reason why it is refused.
pub(crate) fn password(text: &str) -> Result<(), String> {
    if text.chars().count() < MIN_PASSWORD_CHARACTERS {
        return Err(format!("the password is shorter than {MIN_PASSWORD_CHARACTERS} characters"));
    }
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(format!(
            "the password is longer than {MAX_PASSWORD_BYTES} bytes, the most that login takes"
        ));
    }
    let checked: String = text.chars().take(MAX_CHECKED_CHARACTERS).collect();
    if zxcvbn::zxcvbn(&checked.to_lowercase(), &[]).guesses() < MIN_GUESSES {
        return Err("the password is among the most common ones, or close to one of them".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_that_could_not_log_in_is_refused() {
        let longest = format!("{}@example.com", "x".repeat(MAX_EMAIL_BYTES - 12));
        for good in ["ada@example.com", "a@b", "ädä+x@exämple.com", &longest] {
            assert_eq!(email(good), Ok(()), "{good}");
        }
        for (problem, bad) in [
            ("is empty", &[""][..]),
            ("is longer than 254 bytes", &[&format!("x{longest}")]),
            (
                "contains a blank or a control character",
                &["a @b", " a@b", "a\u{a0}@b", "a@b\n", "a\0@b", "a\u{1b}@b"],
            ),
            ("contains a colon", &["a:b@example.com"]),
            ("is not of the form name@domain", &["ada", "@", "a@", "@b", "a@b@c", "a@@b"]),
        ] {
            for bad in bad {
                assert_eq!(email(bad), Err(format!("the e-mail {problem}")), "{bad:?}");
            }
        }
    }

    #[test]
    fn short_long_and_common_passwords_are_refused_in_any_spelling() {
        let longest = "x7Kp2mQz".repeat(MAX_PASSWORD_BYTES / 8);
        for good in
            ["correct horse battery", "x7Kp2mQz9t", "vhq tmzk", "Grüße aus Köln", "☂☃☄★☆☎☏☐"]
                .into_iter()
                .chain([&*longest])
        {
            assert_eq!(password(good), Ok(()), "{good}");
        }
        let common = "password1 qwertyuiop iloveyou1 12345678 Password123 P@ssw0rd \
                      PASSWORDPASSWORD 1q2w3e4r aaaaaaaaaaaa abcdefgh drowssap university";
        let common = common.split(' ').map(|common| (common, "is among the most common ones"));
        let too_long = format!("{longest}x");
        let others =
            [("☂☃☄★☆☎☏", "shorter than 8 characters"), (&too_long, "longer than 1024 bytes")];
        for (bad, problem) in common.chain(others) {
            let weakness = password(bad).unwrap_err();
            assert!(weakness.contains(problem), "{bad}: {weakness}");
        }
    }
}
