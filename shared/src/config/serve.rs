//! The transport of requests, logs and metrics.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{Reader, default};

/// The transport of requests, decided by the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportConfig {
    /// The Lambda runtime protocol: `AWS_LAMBDA_RUNTIME_API` is set.
    Lambda {
        /// `AWS_LAMBDA_MAX_CONCURRENCY`: requests at once, 1 in classic Lambda.
        concurrency: u32,
        /// `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`: each environment starts from a snapshot
        /// of the started process.
        snapshot: bool,
    },
    /// A listener for HTTP/1.1.
    Http {
        /// `HOST` and `PORT`.
        address: SocketAddr,
        /// `DRAIN_SECONDS`: how long requests are answered after SIGTERM.
        drain: Duration,
        /// `MAX_CONNECTIONS`: how many connections may be open at once.
        max_connections: usize,
    },
}

/// Without these, `lambda_runtime` panics.
const LAMBDA_VARIABLES: [&str; 3] =
    ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

impl TransportConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        if reader.is_set("AWS_LAMBDA_RUNTIME_API") {
            for name in LAMBDA_VARIABLES {
                reader.required(name, "Lambda sets it beside AWS_LAMBDA_RUNTIME_API");
            }
            let concurrency = reader.optional_number("AWS_LAMBDA_MAX_CONCURRENCY", 1..=10_000);
            let initialization = reader.text("AWS_LAMBDA_INITIALIZATION_TYPE");
            let snapshot = initialization.as_deref() == Some("snap-start");
            return Self::Lambda { concurrency: concurrency.unwrap_or(1), snapshot };
        }
        let host: Option<IpAddr> = reader.parsed("HOST", "an IP address to listen on");
        let port = reader.number("PORT", 0..=u16::MAX);
        Self::Http {
            address: SocketAddr::new(host.unwrap_or_else(|| default("HOST")), port),
            drain: Duration::from_secs(reader.number("DRAIN_SECONDS", 0..=20)),
            max_connections: reader.number("MAX_CONNECTIONS", 1..=1_000_000),
        }
    }

    /// Whether a request waits for the start: on Lambda, where no snapshot is taken.
    pub fn starts_for_a_request(self) -> bool {
        matches!(self, Self::Lambda { snapshot: false, .. })
    }

    /// Whether a snapshot is taken of the process once it has started.
    pub fn takes_snapshot(self) -> bool {
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

/// `RUST_LOG` and `LOG_FORMAT`.
#[derive(Debug, Clone)]
pub(crate) struct LogConfig {
    pub(crate) levels: Targets,
    /// Whether a line is a JSON object, and not a text for a person at a terminal.
    pub(crate) is_json: bool,
}

impl LogConfig {
    /// Reads the configuration. What is wrong with it is logged by the defaults.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let levels = reader.text("RUST_LOG").unwrap_or_else(|| default("RUST_LOG"));
        // `Targets` takes a word that is no level, such as `warning`, as the name of a crate, and would
        // drop the lines of all others.
        let is_directive = |item: &str| item.contains('=') || item.parse::<LevelFilter>().is_ok();
        let targets = levels.parse().ok().filter(|_| levels.split(',').all(is_directive));
        if targets.is_none() {
            let reason = "is not a list of levels such as `info` or `info,sqlx=warn`; the levels are \
                          off, error, warn, info, debug and trace";
            reader.problem("RUST_LOG", reason);
        }
        let format: String = reader.text("LOG_FORMAT").unwrap_or_else(|| default("LOG_FORMAT"));
        if !["json", "text"].contains(&format.as_str()) {
            reader.problem("LOG_FORMAT", "is not `json` or `text`");
        }
        let levels = targets.unwrap_or_else(|| default("RUST_LOG"));
        Self { levels, is_json: format != "text" }
    }
}

/// `METRICS_PORT` over HTTP, `METRICS` on Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MetricsConfig {
    Off,
    /// In Prometheus' text format, at this address.
    Prometheus(SocketAddr),
    /// In CloudWatch's embedded metric format, to standard output, for this function.
    Embedded(String),
}

impl MetricsConfig {
    /// Reads the configuration. A variable for the other transport is a problem, since it would have
    /// no effect.
    pub(crate) fn read(reader: &mut Reader<'_>, transport: TransportConfig) -> Self {
        match transport {
            TransportConfig::Lambda { .. } => {
                if reader.is_set("METRICS_PORT") {
                    reader.problem("METRICS_PORT", "is for HTTP; on Lambda set METRICS=emf");
                }
                let Some(format) = reader.text("METRICS") else { return Self::Off };
                if format != "emf" {
                    reader.problem("METRICS", "is not `emf`");
                }
                Self::Embedded(reader.text("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default())
            }
            TransportConfig::Http { address, .. } => {
                if reader.is_set("METRICS") {
                    reader.problem("METRICS", "is for Lambda; over HTTP set METRICS_PORT");
                }
                let port = reader.optional_number("METRICS_PORT", 0..=u16::MAX);
                let Some(port) = port else { return Self::Off };
                // With 0 the system chooses two different ports.
                if port != 0 && port == address.port() {
                    let reason = "is the same as PORT; clients could then read the metrics";
                    reader.problem("METRICS_PORT", reason);
                }
                Self::Prometheus(SocketAddr::new(address.ip(), port))
            }
        }
    }
}
