//! How much is logged and in which form, and where metrics go.

use std::net::SocketAddr;

use tracing_subscriber::filter::Targets;

use super::{Reader, TransportConfig};

/// `RUST_LOG` and `LOG_FORMAT`.
#[derive(Debug, Clone)]
pub(crate) struct LogConfig {
    pub(crate) levels: Targets,
    /// One JSON object a line, for machines, and not one readable line, for a person at a terminal.
    pub(crate) is_json: bool,
}

impl LogConfig {
    /// Reads the configuration. What is wrong with it is logged by the defaults.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let levels =
            reader.parsed("RUST_LOG", "a list of levels such as `info` or `info,sqlx=warn`");
        let format = reader.text("LOG_FORMAT");
        if !matches!(format.as_deref(), Some("json" | "text")) {
            reader.problem("LOG_FORMAT", "is not `json` or `text`");
        }
        Self {
            levels: levels.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO)),
            is_json: format.as_deref() != Some("text"),
        }
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

const PORT: &str = "METRICS_PORT";
const FORMAT: &str = "METRICS";

impl MetricsConfig {
    /// Reads the configuration for requests of this transport. A setting for the other one is a
    /// problem: it was made in the belief that there are metrics.
    pub(crate) fn read(reader: &mut Reader<'_>, transport: TransportConfig) -> Self {
        match transport {
            TransportConfig::Lambda { .. } => {
                if reader.is_set(PORT) {
                    reader.problem(PORT, "is for HTTP; on Lambda set METRICS=emf");
                }
                let Some(format) = reader.text(FORMAT) else { return Self::Off };
                if format != "emf" {
                    reader.problem(FORMAT, "is not `emf`");
                }
                let function = reader.text("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
                Self::Embedded(function)
            }
            TransportConfig::Http { address, .. } => {
                if reader.is_set(FORMAT) {
                    reader.problem(FORMAT, "is for Lambda; over HTTP set METRICS_PORT");
                }
                let Some(port) = reader.number(PORT, 0..=u16::MAX) else { return Self::Off };
                // With 0 the system chooses, and never the same one twice.
                if port != 0 && port == address.port() {
                    reader.problem(PORT, "is the same as PORT; metrics are for other eyes");
                }
                Self::Prometheus(SocketAddr::new(address.ip(), port))
            }
        }
    }
}
