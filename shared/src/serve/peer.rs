//! Who is at the other end, by the word of the platform.

use std::net::IpAddr;

/// The address that a request came from, an extension of the request: of the TCP peer, or
/// what Lambda calls `sourceIp`. Never from a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);
