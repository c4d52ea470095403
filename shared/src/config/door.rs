//! Which of the two doors requests come through.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::Reader;

/// The door, decided by the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorConfig {
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
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_DRAIN_SECONDS: u64 = 5;
const DEFAULT_MAX_CONNECTIONS: usize = 10_000;

impl DoorConfig {
    /// Whether a request is the reason for which the process starts, and waits for it: on
    /// Lambda, where no snapshot is taken.
    #[must_use]
    pub fn starts_for_a_request(self) -> bool {
        matches!(self, Self::Lambda { snapshot: false, .. })
    }

    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.is_set("AWS_LAMBDA_RUNTIME_API") {
            for name in LAMBDA_VARIABLES {
                reader.required(name, "Lambda sets it beside AWS_LAMBDA_RUNTIME_API");
            }
            let concurrency = reader.number("AWS_LAMBDA_MAX_CONCURRENCY", 1, 1..=10_000);
            let initialization = reader.optional("AWS_LAMBDA_INITIALIZATION_TYPE");
            let snapshot = initialization.as_deref() == Some("snap-start");
            return Some(Self::Lambda { concurrency: concurrency?, snapshot });
        }
        let host = reader.parsed::<IpAddr>("HOST", "an IP address to listen on");
        let port = reader.number("PORT", DEFAULT_PORT, 0..=u16::MAX);
        let drain = reader.number("DRAIN_SECONDS", DEFAULT_DRAIN_SECONDS, 0..=20);
        let max_connections =
            reader.number("MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS, 1..=1_000_000);
        let host = host?.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let address = SocketAddr::new(host, port?);
        let (drain, max_connections) = (Duration::from_secs(drain?), max_connections?);
        Some(Self::Http { address, drain, max_connections })
    }

    /// Whether a snapshot is taken of the process once it has started.
    #[must_use]
    pub fn takes_snapshot(&self) -> bool {
        matches!(self, Self::Lambda { snapshot: true, .. })
    }
}

/// `BASE_PATH`: a path in front of a function's own, such as `/auth`, where there is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BasePath(pub(crate) Option<String>);

/// Reads `BASE_PATH`; `None` where `reader` has noted a problem.
pub(crate) fn read_base_path(reader: &mut Reader<'_>) -> Option<BasePath> {
    const NAME: &str = "BASE_PATH";
    let Some(path) = reader.optional(NAME) else {
        return (!reader.is_set(NAME)).then_some(BasePath(None));
    };
    let is_segment = |segment: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !["", ".", ".."].contains(&segment) && segment.bytes().all(is_plain)
    };
    if !path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment)) {
        reader.problem(NAME, "is not a path such as /auth, without a slash at its end");
        return None;
    }
    Some(BasePath(Some(path)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_base_path_is_of_plain_segments() {
        for (value, expected) in [
            ("", Some(None)),
            ("/auth", Some(Some("/auth"))),
            ("/api/v1.2", Some(Some("/api/v1.2"))),
            ("/", None),
            ("auth", None),
            ("/auth/", None),
            ("//auth", None),
            ("/a/../b", None),
            ("/{a}", None),
            ("/a b", None),
            ("/a%20b", None),
            ("https://host/auth", None),
        ] {
            let variables = HashMap::from([("BASE_PATH", value)]);
            let mut reader = Reader::new(&variables);
            let read = read_base_path(&mut reader);
            let read = reader.finish(read).ok().map(|BasePath(path)| path);
            assert_eq!(read, expected.map(|path| path.map(str::to_owned)), "{value:?}");
        }
    }

    #[test]
    fn there_may_be_10_000_connections_or_as_many_as_is_said_but_not_none() {
        for (value, expected) in [("", Some(10_000)), ("1", Some(1)), ("0", None), ("-1", None)] {
            let variables = HashMap::from([("MAX_CONNECTIONS", value)]);
            let mut reader = Reader::new(&variables);
            let door = DoorConfig::read(&mut reader);
            let read = match reader.finish(door) {
                Ok(DoorConfig::Http { max_connections, .. }) => Some(max_connections),
                _ => None,
            };
            assert_eq!(read, expected, "{value:?}");
        }
    }
}
