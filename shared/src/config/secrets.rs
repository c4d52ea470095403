//! How long a secret is trusted.

use std::time::Duration;

use super::Reader;

/// How secrets are kept.
#[derive(Debug, Clone, Copy)]
pub struct SecretsConfig {
    /// `SECRET_REFRESH_SECONDS`: how old a secret from a file or from Secrets Manager may
    /// grow before it is fetched again.
    pub refresh: Duration,
}

const DEFAULT_REFRESH_SECONDS: u64 = 300;
/// A day. A key that was taken away would go on to be trusted for so long.
const MAX_REFRESH_SECONDS: u64 = 86_400;

impl SecretsConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let name = "SECRET_REFRESH_SECONDS";
        let seconds = reader.number(name, DEFAULT_REFRESH_SECONDS, 1..=MAX_REFRESH_SECONDS)?;
        Some(Self { refresh: Duration::from_secs(seconds) })
    }
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(DEFAULT_REFRESH_SECONDS) }
    }
}
