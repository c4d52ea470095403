//! Where a request comes from, by the word of whoever can be trusted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

use crate::serve::PeerAddress;

/// What one subscriber has: a budget for each address would be none.
const IPV6_PREFIX_BITS: u32 = 64;

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
