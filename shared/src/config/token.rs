//! The key of the tokens, and what they say beside their user.

use std::time::Duration;

use super::{Reader, SecretForm};
use crate::secrets::SecretSource;

/// The source of the key that signs and verifies tokens.
#[derive(Debug)]
pub struct KeyConfig {
    /// `JWT_SECRET`, `JWT_SECRET_FILE` or `JWT_SECRET_ID`.
    pub source: SecretSource,
}

impl KeyConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let forms = [SecretForm::Value, SecretForm::File, SecretForm::Id];
        let source = reader.secret("JWT_SECRET", &forms)?;
        if source.is_none() {
            reader.problem(
                "JWT_SECRET",
                "is not set; give the signing key in JWT_SECRET, in a file named by \
                 JWT_SECRET_FILE, or in Secrets Manager by JWT_SECRET_ID",
            );
        }
        Some(Self { source: source? })
    }
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
