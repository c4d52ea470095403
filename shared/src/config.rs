//! Configuration from environment variables.
//!
//! Everything is read before anything is started, and every problem is reported
//! at once: by the name of the variable and what to do, never by its value.

#[cfg(feature = "mysql")]
mod database;
mod login;
mod reader;
mod secrets;
mod telemetry;
#[cfg(all(test, feature = "mysql"))]
mod tests;
mod token;
mod transport;
mod variables;

#[cfg(feature = "mysql")]
pub(crate) use database::check_host;
#[cfg(feature = "mysql")]
pub use database::{DatabaseConfig, DatabaseParts};
pub use login::{Argon2Config, HashLimits, ThrottleConfig};
pub use reader::{Reader, Variables};
pub use secrets::{SecretKind, SecretPlace, SecretSource, SecretsConfig};
pub use telemetry::{LogConfig, LogFormat, MetricsConfig};
pub use token::TokenConfig;
pub use transport::TransportConfig;
pub(crate) use transport::read_base_path;

use thiserror::Error;

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}: {reason}")]
pub struct Problem {
    /// The variable, or the variables, to look at.
    pub variable: String,
    /// What is wrong and what to do; never the value.
    pub reason: String,
}
