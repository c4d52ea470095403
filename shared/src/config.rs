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
mod transport;
mod variables;

#[cfg(feature = "mysql")]
pub(crate) use database::check_host;
#[cfg(feature = "mysql")]
pub use database::{DatabaseConfig, DatabaseParts};
pub use login::{Argon2Config, HashLimits, ThrottleConfig};
pub use reader::{Reader, Variables};
pub(crate) use secrets::SecretKind;
pub use secrets::{SecretPlace, SecretSource, SecretsConfig};
pub(crate) use telemetry::{LogConfig, MetricsConfig};
pub use transport::TransportConfig;
pub(crate) use transport::read_base_path;

use std::time::Duration;

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

/// Lifetime, issuer and audience: issued by `login`, demanded by `validate`.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// `JWT_TTL_SECONDS`: how long a token is valid.
    pub lifetime: Duration,
    /// `JWT_ISSUER`: the `iss` claim (RFC 7519 section 4.1.1).
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: the `aud` claim (RFC 7519 section 4.1.3).
    pub audience: Option<String>,
}

/// A year. A token cannot be called back, so a longer life is more likely a slip.
const MAX_TTL_SECONDS: u64 = 366 * 86_400;

impl TokenConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let lifetime = reader.number("JWT_TTL_SECONDS", 1..=MAX_TTL_SECONDS);
        Self {
            lifetime: Duration::from_secs(lifetime.unwrap_or_default()),
            issuer: reader.text("JWT_ISSUER"),
            audience: reader.text("JWT_AUDIENCE"),
        }
    }
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self::read(&mut Reader::of_defaults())
    }
}
