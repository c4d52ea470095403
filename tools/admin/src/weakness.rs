//! Which passwords are too weak to be set.
//!
//! Length and a list of the most common ones, and no rules on the characters: so NIST
//! SP 800-63B section 3.1.1.2 has it.

use shared::password::MAX_PASSWORD_BYTES;

const MIN_PASSWORD_CHARACTERS: usize = 8;
/// zxcvbn takes as many guesses for a password on its list as its rank says. The 3,000
/// most common ones that are long enough lie within the first 9,000. Capitals and
/// `p@55w0rd` spelling multiply the rank by little; two words take 10,000 at least.
const MIN_GUESSES: u64 = 9_000;
/// zxcvbn's time grows with the square of the length; no common password is longer.
const CHARACTERS_LOOKED_AT: usize = 100;

/// What is weak about `password`, if anything is.
pub(crate) fn check(password: &str) -> Result<(), String> {
    if password.chars().count() < MIN_PASSWORD_CHARACTERS {
        return Err(format!("the password is shorter than {MIN_PASSWORD_CHARACTERS} characters"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(format!(
            "the password is longer than {MAX_PASSWORD_BYTES} bytes, which nobody could log in with"
        ));
    }
    let looked_at: String = password.chars().take(CHARACTERS_LOOKED_AT).collect();
    if zxcvbn::zxcvbn(&looked_at.to_lowercase(), &[]).guesses() < MIN_GUESSES {
        return Err("the password is among the most common ones, or close to one of them".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_refused_in_any_spelling() {
        let common = "password1 qwertyuiop iloveyou1 12345678 Password123 P@ssw0rd \
                      PASSWORDPASSWORD 1q2w3e4r aaaaaaaaaaaa abcdefgh drowssap university";
        for password in common.split(' ') {
            let weakness = check(password).unwrap_err();
            assert!(weakness.contains("among the most common"), "{password}: {weakness}");
        }
        for password in
            ["correct horse battery", "x7Kp2mQz9t", "vhq tmzk", "Grüße aus Köln", "☂☃☄★☆☎☏☐"]
        {
            assert_eq!(check(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        assert!(check("☂☃☄★☆☎☏").unwrap_err().contains("shorter than 8 characters"));
        let longest = "x7Kp2mQz".repeat(MAX_PASSWORD_BYTES / 8);
        assert!(check(&format!("{longest}x")).unwrap_err().contains("longer than 1024 bytes"));
        assert_eq!(check(&longest), Ok(()));
    }

    #[test]
    fn a_long_password_costs_no_more_than_a_second() {
        let started = std::time::Instant::now();
        check(&"password1".repeat(MAX_PASSWORD_BYTES / 9)).ok();
        assert!(started.elapsed().as_secs() < 1);
    }
}
