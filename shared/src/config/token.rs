//! What tokens say beside their user.

use std::time::Duration;

use super::Reader;

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

/// A day, as the Flask service had it.
const DEFAULT_TTL_SECONDS: u64 = 86_400;
/// A year. A token cannot be called back, so a longer life is more likely a slip.
const MAX_TTL_SECONDS: u64 = 366 * 86_400;

impl TokenConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let seconds = reader.number("JWT_TTL_SECONDS", DEFAULT_TTL_SECONDS, 1..=MAX_TTL_SECONDS);
        Some(Self {
            issuer: reader.optional("JWT_ISSUER"),
            audience: reader.optional("JWT_AUDIENCE"),
            lifetime: Duration::from_secs(seconds?),
        })
    }
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(DEFAULT_TTL_SECONDS), issuer: None, audience: None }
    }
}
