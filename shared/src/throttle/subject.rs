//! Whose failures are counted: an e-mail's, or those of a source of requests, by the word of
//! those who can be trusted.

use std::{
    fmt::{self, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;

use crate::serve::PeerAddress;

const EMAIL: &str = "email-sha256:";
const SOURCE: &str = "source:";
/// What one subscriber has: a budget for each address would be none.
const IPV6_PREFIX_BITS: u32 = 64;

/// The key of a count: an e-mail, or a source of requests.
///
/// Of an e-mail it is a hash, so that the table holds no mistyped address. It is a plain one:
/// a reader of the table can try out addresses, but also reads those of the users beside it.
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

    /// A source, as [`source_name`] names it.
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

/// The source of a request: the address that the platform names, or, behind `hops` proxies
/// of one's own, the `hops`-th last entry of `X-Forwarded-For`. The entries before that one
/// are what the client says of itself.
///
/// If there is no such entry, the request came around the proxies, and the platform's word
/// counts; `None` if it has none to say, as a load balancer of AWS. Of an IPv6 address the
/// source is the /64.
pub(super) fn source(
    peer: Option<PeerAddress>,
    headers: &HeaderMap,
    hops: usize,
) -> Option<String> {
    let forwarded = hops.checked_sub(1).and_then(|behind| forwarded_for(headers, behind));
    forwarded.or(peer.map(|PeerAddress(address)| address)).map(source_name)
}

/// The entry with so many others behind it. Several headers are one list, in which empty
/// entries do not count (RFC 9110 sections 5.3 and 5.6.1.2).
fn forwarded_for(headers: &HeaderMap, behind: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut entries = entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
    let entry = str::from_utf8(entries.nth(behind)?).ok()?;
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    entry.parse().or_else(|_| with_port()).ok()
}

/// The name of the source with this address.
#[must_use]
pub fn source_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS;
            format!("{}/{IPV6_PREFIX_BITS}", Ipv6Addr::from_bits(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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

    const PEER: Option<PeerAddress> = Some(PeerAddress(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)));

    fn of(lines: &[&'static str], hops: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        source(PEER, &headers, hops).expect("a source")
    }

    #[test]
    fn without_proxies_no_header_is_believed() {
        assert_eq!(of(&["192.0.2.1"], 0), "127.0.0.1");
    }

    #[test]
    fn the_entry_that_the_first_own_proxy_wrote_counts() {
        for (lines, hops, expected) in [
            (&["192.0.2.1"][..], 1, "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1"], 1, "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1 ,10.0.0.1"], 2, "192.0.2.1"),
            (&["6.6.6.6", "192.0.2.1", "10.0.0.1"], 2, "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1", "10.0.0.1"], 2, "192.0.2.1"),
            (&["192.0.2.1:4711"], 1, "192.0.2.1"),
            (&["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2::/64"),
            (&["2001:db8:1:2:9::1"], 1, "2001:db8:1:2::/64"),
            (&["::ffff:192.0.2.1"], 1, "192.0.2.1"),
        ] {
            assert_eq!(of(lines, hops), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_request_around_the_proxies_is_counted_by_its_peer() {
        for lines in [&[][..], &["192.0.2.1"], &["192.0.2.1, "], &["nonsense, 10.0.0.1"]] {
            assert_eq!(of(lines, 2), "127.0.0.1", "{lines:?}");
        }
    }

    #[test]
    fn a_request_without_an_address_has_no_source() {
        assert_eq!(source(None, &HeaderMap::new(), 0), None);
        assert_eq!(source(None, &HeaderMap::new(), 1), None);
    }
}
