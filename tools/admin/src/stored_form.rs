//! What stands in a row where a password hash should be.

use std::fmt;

use shared::password::StoredHash;

/// What a text in the column `password` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredForm {
    /// A hash that `login` can compare a password with, by the name of its algorithm.
    Hash(&'static str),
    /// A hash that it cannot: nobody can log in with it, and to hash it once more
    /// would destroy it.
    UnsupportedHash,
    /// No hash: what the Flask service compared with.
    PlainText,
}

impl StoredForm {
    /// What `text` is.
    pub(crate) fn of(text: &str) -> Self {
        match StoredHash::parse(text) {
            Some(StoredHash::Argon2(hash, _)) if hash.algorithm.as_str() == "argon2i" => {
                Self::Hash("argon2i")
            }
            Some(StoredHash::Argon2(..)) => Self::Hash("argon2id"),
            Some(StoredHash::Bcrypt(_)) => Self::Hash("bcrypt"),
            Some(StoredHash::Pbkdf2(_)) => Self::Hash("pbkdf2"),
            Some(StoredHash::Scrypt(_)) => Self::Hash("scrypt"),
            None if looks_like_a_hash(text) || is_of_a_framework(text) => Self::UnsupportedHash,
            None => Self::PlainText,
        }
    }
}

impl fmt::Display for StoredForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Hash(algorithm) => algorithm,
            Self::UnsupportedHash => "unsupported",
            Self::PlainText => "plain text!",
        })
    }
}

/// Whether `text` is written like a hash, of whatever kind: `$name$…`. A plain text
/// may begin with `$` as well, but hardly goes on like this.
fn looks_like_a_hash(text: &str) -> bool {
    let mut parts = text.splitn(3, '$');
    let (Some(""), Some(name), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.len() >= 20 && (1..=32).contains(&name.len()) && name.bytes().all(is_name)
}

/// Names that Werkzeug and Django begin a hash with, up to the first `:` or `$`.
const FRAMEWORK_NAMES: [&str; 10] = [
    "argon2",
    "bcrypt",
    "bcrypt_sha256",
    "md5",
    "pbkdf2",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
    "scrypt",
    "sha1",
    "sha256",
];

/// Whether `text` is written like a hash of Werkzeug (`scrypt:32768:8:1$…`), of Django
/// (`pbkdf2_sha256$…`) or of an LDAP server (`{SSHA}…`), which do not begin with `$`.
fn is_of_a_framework(text: &str) -> bool {
    let is_name =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let in_braces = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    let is_ldap = in_braces.is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_name));
    let is_named = text.contains('$')
        && text.split([':', '$']).next().is_some_and(|name| FRAMEWORK_NAMES.contains(&name));
    text.len() >= 20 && (is_ldap || is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_goes_by_the_name_of_its_algorithm() {
        for (text, name) in [
            (
                "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcyBpdA$2P3d7QWzqQYTcwTHXpfnTA",
                "argon2id",
            ),
            ("$argon2i$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcyBpdA$2P3d7QWzqQYTcwTHXpfnTA", "argon2i"),
            ("$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie", "bcrypt"),
            ("$pbkdf2-sha256$i=1000,l=16$c2l4dGVlbiBieXRlcyBpdA$2P3d7QWzqQYTcwTHXpfnTA", "pbkdf2"),
            ("$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlcyBpdA$2P3d7QWzqQYTcwTHXpfnTA", "scrypt"),
        ] {
            assert_eq!(StoredForm::of(text), StoredForm::Hash(name));
        }
    }

    #[test]
    fn a_hash_of_another_system_is_no_plain_text() {
        for text in [
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$2b$31$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie",
            "scrypt:32768:8:1$DcIWvUgmbPrPJ2DM$6f1b",
            "pbkdf2:sha256:260000$Vq7DcIWvUgmbPrPJ$6f1b",
            "sha256$Vq7DcIWvUgmbPrPJ$6f1b",
            "pbkdf2_sha256$260000$Vq7DcIWvUg$6f1b=",
            "argon2$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA",
            "bcrypt_sha256$$2b$12$EGdrhbKUv8Oc9vGiXX0HQO",
            "{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3",
        ] {
            assert_eq!(StoredForm::of(text), StoredForm::UnsupportedHash, "{text}");
        }
    }

    #[test]
    fn everything_else_is_plain_text() {
        for text in [
            "",
            "Secret1!",
            "$ecret",
            "$$$",
            "$ecret$ecret",
            "$a b$ccccccccccccccccccccc",
            "scrypt: a fine function",
            "{a} brace and some more",
            "md5$",
        ] {
            assert_eq!(StoredForm::of(text), StoredForm::PlainText, "{text}");
        }
    }
}
