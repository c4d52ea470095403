//! How requests come in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::Reader;

/// The transport of requests, decided by the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportConfig {
    /// The Lambda runtime protocol: `AWS_LAMBDA_RUNTIME_API` is set.
    Lambda {
        /// `AWS_LAMBDA_MAX_CONCURRENCY`: requests at once, 1 in classic Lambda.
        concurrency: u32,
        /// `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`: what is in memory after the
        /// start is stored, and every environment begins with it.
        snapshot: bool,
    },
    /// A listener for HTTP/1.1.
    Http {
        /// `HOST` and `PORT`.
        address: SocketAddr,
        /// `DRAIN_SECONDS`: how long to go on answering after SIGTERM.
        drain: Duration,
        /// `MAX_CONNECTIONS`: how many connections may be open at once.
        max_connections: usize,
    },
}

/// Without these the library that speaks to Lambda panics.
const LAMBDA_VARIABLES: [&str; 3] =
    ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

impl TransportConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        if reader.is_set("AWS_LAMBDA_RUNTIME_API") {
            for name in LAMBDA_VARIABLES {
                reader.required(name);
            }
            let concurrency = reader.number("AWS_LAMBDA_MAX_CONCURRENCY", 1..=10_000);
            let initialization = reader.text("AWS_LAMBDA_INITIALIZATION_TYPE");
            let snapshot = initialization.as_deref() == Some("snap-start");
            return Self::Lambda { concurrency: concurrency.unwrap_or(1), snapshot };
        }
        let host = reader.parsed("HOST", "an IP address to listen on");
        let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let port = reader.number("PORT", 0..=u16::MAX).unwrap_or_default();
        let drain = reader.number("DRAIN_SECONDS", 0..=20).unwrap_or_default();
        Self::Http {
            address: SocketAddr::new(host, port),
            drain: Duration::from_secs(drain),
            max_connections: reader.number("MAX_CONNECTIONS", 1..=1_000_000).unwrap_or_default(),
        }
    }

    /// Whether a request is the reason for which the process starts, and waits for it: on
    /// Lambda, where no snapshot is taken.
    #[must_use]
    pub fn starts_for_a_request(self) -> bool {
        matches!(self, Self::Lambda { snapshot: false, .. })
    }

    /// Whether a snapshot is taken of the process once it has started.
    #[must_use]
    pub fn takes_snapshot(&self) -> bool {
        matches!(self, Self::Lambda { snapshot: true, .. })
    }
}

/// Reads `BASE_PATH`: a path in front of a function's own, such as `/auth`, where there is one.
pub(crate) fn read_base_path(reader: &mut Reader<'_>) -> Option<String> {
    let path = reader.text("BASE_PATH")?;
    let is_segment = |segment: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !["", ".", ".."].contains(&segment) && segment.bytes().all(is_plain)
    };
    if !path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment)) {
        reader.problem("BASE_PATH", "is not a path such as /auth, without a slash at its end");
    }
    Some(path)
}
