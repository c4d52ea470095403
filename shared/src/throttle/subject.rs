//! Whose failures are counted.

use std::fmt::{self, Write};

use aws_lc_rs::digest::{SHA256, digest};

const EMAIL: &str = "email-sha256:";
const SOURCE: &str = "source:";

/// The key of a count: an e-mail, or a source of requests.
///
/// Of an e-mail it is a hash, so that the table holds no address that somebody mistyped.
/// It is a plain one: whoever reads the table can try out addresses, but also reads those
/// of the users beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// An e-mail, in any ASCII case: all spellings that find one user have one count.
    #[must_use]
    pub fn email(email: &str) -> Self {
        let mut key = EMAIL.to_owned();
        for byte in digest(&SHA256, email.to_ascii_lowercase().as_bytes()).as_ref() {
            let _ = write!(key, "{byte:02x}");
        }
        Self(key)
    }

    /// A source, as [`source_name`](super::source_name) names it.
    #[must_use]
    pub fn source(name: &str) -> Self {
        Self(format!("{SOURCE}{name}"))
    }

    /// A key as the table has it.
    pub(super) fn stored(key: String) -> Self {
        Self(key)
    }

    /// The key as the table has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `e-mail` or `source`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.0.starts_with(SOURCE) { "source" } else { "e-mail" }
    }

    /// One of so many places, the same for equal subjects.
    pub(super) fn spread(&self, places: usize) -> usize {
        self.0.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
            % places
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_find_one_user_have_one_count() {
        assert_eq!(Subject::email("ADA@Example.com"), Subject::email("ada@example.com"));
        for other in ["ada@example.com ", "\u{e4}da@example.com", "ada@example.co"] {
            assert_ne!(Subject::email(other), Subject::email("ada@example.com"), "{other}");
        }
        // Only ASCII case is folded when a user is looked up.
        assert_ne!(Subject::email("\u{c4}@x"), Subject::email("\u{e4}@x"));
    }

    #[test]
    fn the_key_of_an_e_mail_is_its_sha_256() {
        // printf %s ada@example.com | sha256sum
        let key = Subject::email("ada@example.com");
        let hash = key.as_str().strip_prefix(EMAIL).unwrap();
        assert_eq!(hash, "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72");
    }
}
