//! Configuration from environment variables.
//!
//! Everything is read before anything is started, and every problem is reported
//! at once: by the name of the variable and what to do, never by its value.

mod database;
mod door;
mod logs;
mod metrics;
#[cfg(feature = "password")]
mod password;
mod reader;
mod secrets;
#[cfg(feature = "mysql")]
mod throttle;
mod token;

pub use database::{DatabaseConfig, DatabaseParts, SslMode};
#[cfg(feature = "mysql")]
pub(crate) use database::{NO_HOST, is_host};
pub use door::DoorConfig;
pub(crate) use door::{BasePath, read_base_path};
pub use logs::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
#[cfg(feature = "password")]
pub use password::{Argon2Config, HashLimits};
pub use reader::{Reader, SecretForm};
pub use secrets::SecretsConfig;
#[cfg(feature = "mysql")]
pub use throttle::ThrottleConfig;
pub use token::{KeyConfig, TokenConfig};

use std::{
    collections::HashMap,
    ffi::OsString,
    fmt::{self, Display},
    hash::BuildHasher,
};

use crate::secrets::SecretError;

/// Where variables come from: the process, or a map in tests.
pub trait Variables {
    /// The raw value of the variable, if it is set.
    fn get(&self, name: &str) -> Option<OsString>;
}

/// The variables of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Variables for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}

/// For tests.
impl<S: BuildHasher> Variables for HashMap<&str, &str, S> {
    fn get(&self, name: &str) -> Option<OsString> {
        HashMap::get(self, name).map(OsString::from)
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, or the variables, to look at.
    pub variable: String,
    /// What is wrong and what to do; never the value.
    pub reason: String,
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.variable, self.reason)
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self { variable: error.source_name, reason: error.reason }
    }
}
