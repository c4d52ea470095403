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
    fn common_passwords_are_refused_in_any_spelling() {
        let common = "password1 qwertyuiop iloveyou1 12345678 Password123 P@ssw0rd \
                      PASSWORDPASSWORD 1q2w3e4r aaaaaaaaaaaa abcdefgh drowssap university";
        for common in common.split(' ') {
            let weakness = password(common).unwrap_err();
            assert!(weakness.contains("among the most common"), "{common}: {weakness}");
        }
        for good in ["correct horse battery", "x7Kp2mQz9t", "vhq tmzk", "Grüße aus Köln"] {
            assert_eq!(password(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        assert!(password("☂☃☄★☆☎☏").unwrap_err().contains("shorter than 8 characters"));
        assert_eq!(password("☂☃☄★☆☎☏☐"), Ok(()));
        let longest = "x7Kp2mQz".repeat(MAX_PASSWORD_BYTES / 8);
        assert!(password(&format!("{longest}x")).unwrap_err().contains("longer than 1024 bytes"));
        assert_eq!(password(&longest), Ok(()));
    }
}
