//! How long a secret is trusted, and who is asked for it.

use std::time::Duration;

use super::Reader;

/// How secrets are kept.
#[derive(Debug, Clone, Copy)]
pub struct SecretsConfig {
    /// `SECRET_REFRESH_SECONDS`: how old a secret from a file or from Secrets Manager may
    /// grow before it is fetched again.
    pub refresh: Duration,
    /// `PARAMETERS_SECRETS_EXTENSION_HTTP_PORT`: the port of the AWS Parameters and Secrets
    /// extension, or of the Secrets Manager agent, that is to be asked for secrets.
    pub extension_port: Option<u16>,
}

const DEFAULT_REFRESH_SECONDS: u64 = 300;
/// A day. A key that was taken away would go on to be trusted for so long.
const MAX_REFRESH_SECONDS: u64 = 86_400;

impl SecretsConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let name = "SECRET_REFRESH_SECONDS";
        let seconds = reader.number(name, DEFAULT_REFRESH_SECONDS, 1..=MAX_REFRESH_SECONDS);
        let port = reader.parsed("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "a port");
        Some(Self { refresh: Duration::from_secs(seconds?), extension_port: port? })
    }
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(DEFAULT_REFRESH_SECONDS), extension_port: None }
    }
}
