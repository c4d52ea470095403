//! Whose failures are counted: an e-mail's, or those of a source of requests.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
};

use aws_lc_rs::digest::{SHA256, digest};

const EMAIL: &str = "email-sha256:";
const SOURCE: &str = "source:";
/// What one subscriber has: a budget for each address would be none.
const IPV6_PREFIX_BITS: u32 = 64;

/// The key of a count: an e-mail, or a source of requests.
///
/// Of an e-mail it is a hash, so that the table holds no mistyped address. It is a plain one:
/// a reader of the table can try out addresses, but also reads those of the users beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(pub(super) String);

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

    /// The source with this address; of an IPv6 address it is the /64.
    #[must_use]
    pub fn source(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(format!("{SOURCE}{address}")),
            IpAddr::V6(address) => {
                let prefix = address.to_bits() >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS;
                Self(format!("{SOURCE}{}/{IPV6_PREFIX_BITS}", Ipv6Addr::from_bits(prefix)))
            }
        }
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
        // printf %s ada@example.com | sha256sum
        let hash = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72";
        assert_eq!(Subject::email("ada@example.com").as_str(), format!("{EMAIL}{hash}"));
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_prefix() {
        for (address, source) in [
            ("192.0.2.1", "source:192.0.2.1"),
            ("::ffff:192.0.2.1", "source:192.0.2.1"),
            ("2001:db8:1:2:3::4", "source:2001:db8:1:2::/64"),
        ] {
            assert_eq!(Subject::source(address.parse().unwrap()).as_str(), source);
        }
    }
}
