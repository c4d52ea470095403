//! The client's address, from sources that can be trusted.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// Request extension: the address of the TCP peer, or Lambda's `sourceIp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The client's address. With `hops` own proxies, it is the `hops`-th last entry of
/// `X-Forwarded-For`; a client can forge the entries before it. Without such an entry it is the peer,
/// which is unknown behind an AWS load balancer.
pub fn client_address(
    peer: Option<PeerAddress>,
    headers: &HeaderMap,
    hops: usize,
) -> Option<IpAddr> {
    // Several headers are one list, without its empty entries (RFC 9110 sections 5.3 and 5.6.1.2).
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut entries = entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
    let entry = hops.checked_sub(1).and_then(|skip| str::from_utf8(entries.nth(skip)?).ok());
    let with_port = |entry: &str| entry.parse::<SocketAddr>().map(|address| address.ip());
    let forwarded = entry.and_then(|entry| entry.parse().or_else(|_| with_port(entry)).ok());
    forwarded.or(peer.map(|PeerAddress(address)| address))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PEER: &str = "127.0.0.1";

    #[test]
    fn the_address_is_the_entry_of_the_first_own_proxy_or_the_peer() {
        for (lines, hops, expected) in [
            // Without own proxies, the header is ignored.
            (&["192.0.2.1"][..], 0, PEER),
            (&["6.6.6.6, 192.0.2.1"], 1, "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1 ,10.0.0.1"], 2, "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1", "10.0.0.1"], 2, "192.0.2.1"),
            (&["192.0.2.1:4711"], 1, "192.0.2.1"),
            (&["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2:3::4"),
            (&["2001:db8:1:2:9::1"], 1, "2001:db8:1:2:9::1"),
            // A request that did not pass through the proxies.
            (&["192.0.2.1"], 2, PEER),
            (&["192.0.2.1, "], 2, PEER),
            (&["nonsense, 10.0.0.1"], 2, PEER),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            let peer = Some(PeerAddress(PEER.parse().unwrap()));
            let found = client_address(peer, &headers, hops);
            assert_eq!(found, Some(expected.parse().unwrap()), "{lines:?}");
            let without_peer = client_address(None, &headers, hops);
            assert_eq!(without_peer, found.filter(|_| expected != PEER), "{lines:?}");
        }
    }
}
