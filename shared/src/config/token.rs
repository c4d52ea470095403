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
