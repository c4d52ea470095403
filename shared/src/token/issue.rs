//! Issuing tokens.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;

use super::claims::{IssuedClaims, Subject};
use crate::{
    config::TokenConfig,
    keys::{Keys, SigningFailed},
    secrets::{SecretCache, SecretError},
};

/// Signs tokens with the first key that can.
#[derive(Debug, Clone)]
pub struct TokenIssuer {
    keys: SecretCache<Keys>,
    config: TokenConfig,
}

/// A token and how long it is valid.
pub struct IssuedToken {
    /// The compact serialisation (RFC 7515 section 3.1).
    pub token: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IssuedToken")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl TokenIssuer {
    /// An issuer with these keys.
    #[must_use]
    pub fn new(keys: impl Into<SecretCache<Keys>>, config: TokenConfig) -> Self {
        Self { keys: keys.into(), config }
    }

    /// The keys to issue with, for a request at `now`. To be asked for while something else
    /// is waited for.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there are none in memory, and their source is out of reach.
    pub async fn keys(&self, now: SystemTime) -> Result<Arc<Keys>, SecretError> {
        self.keys.get(now).await
    }

    /// A new token for `subject`, issued at `now`.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the cryptographic library refuses to sign.
    pub fn issue(
        &self,
        keys: &Keys,
        subject: Subject<'_>,
        now: SystemTime,
    ) -> Result<IssuedToken, SigningFailed> {
        issue(keys, &self.config, subject, now)
    }
}

/// A new token for `subject`, issued at `now` and signed with the first of `keys` that can.
///
/// # Errors
///
/// [`SigningFailed`] if none can, or the cryptographic library refuses to.
pub fn issue(
    keys: &Keys,
    config: &TokenConfig,
    subject: Subject<'_>,
    now: SystemTime,
) -> Result<IssuedToken, SigningFailed> {
    let key = keys.signing().ok_or(SigningFailed)?;
    let issued_at = now.duration_since(UNIX_EPOCH).map_err(|_| SigningFailed)?.as_secs();
    let claims = IssuedClaims {
        username: subject.username,
        admin: subject.admin,
        iat: issued_at,
        exp: issued_at + config.lifetime.as_secs(),
        sub: subject.id,
        jti: Uuid::new_v4().to_string(),
        iss: config.issuer.as_deref(),
        aud: config.audience.as_deref(),
    };
    Ok(IssuedToken { token: key.encode(&claims)?, lifetime: config.lifetime })
}
