//! Which e-mails and passwords a user may have.
//!
//! Of a password, length and a list of the most common ones count, and no rules on the characters:
//! so NIST SP 800-63B section 3.1.1.2 has it.

use shared::password::MAX_PASSWORD_BYTES;

/// As long as a path of SMTP may be, without its brackets (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;
const MIN_PASSWORD_CHARACTERS: usize = 8;
/// zxcvbn takes as many guesses for a password on its list as its rank says. The 3,000
/// most common ones that are long enough lie within the first 9,000. Capitals and
/// `p@55w0rd` spelling multiply the rank by little; two words take 10,000 at least.
const MIN_GUESSES: u64 = 9_000;
/// zxcvbn's time grows with the square of the length; no common password is longer.
const CHARACTERS_LOOKED_AT: usize = 100;

/// Why no user can be added with this e-mail, if there is a reason.
pub(crate) fn email(email: &str) -> Result<(), String> {
    let problem = match email.split_once('@') {
        _ if email.is_empty() => "is empty",
        _ if email.len() > MAX_EMAIL_BYTES => "is longer than 254 bytes",
        // A control character can stand neither in a user-id of RFC 7617 nor in a header; a blank
        // is a slip of the keyboard.
        _ if email.contains(|it: char| it.is_control() || it.is_whitespace()) => {
            "contains a blank or a control character"
        }
        // In `user-id:password` (RFC 7617) the user-id ends at the first colon.
        _ if email.contains(':') => "contains a colon",
        // Everything else is for the mail server to know.
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() && !domain.contains('@') => {
            return Ok(());
        }
        _ => "is not of the form name@domain",
    };
    Err(format!("the e-mail {problem}"))
}

/// Why this is too weak to be set as a password, if it is.
pub(crate) fn password(text: &str) -> Result<(), String> {
    if text.chars().count() < MIN_PASSWORD_CHARACTERS {
        return Err(format!("the password is shorter than {MIN_PASSWORD_CHARACTERS} characters"));
    }
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(format!(
            "the password is longer than {MAX_PASSWORD_BYTES} bytes, the most that login takes"
        ));
    }
    let looked_at: String = text.chars().take(CHARACTERS_LOOKED_AT).collect();
    if zxcvbn::zxcvbn(&looked_at.to_lowercase(), &[]).guesses() < MIN_GUESSES {
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
