//! Issuing tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::claims::{IssuedClaims, Subject};
use crate::{
    config::TokenConfig,
    keys::{Keys, SigningFailed},
};

/// A token and how long it is valid.
pub struct IssuedToken {
    /// The compact serialisation (RFC 7515 section 3.1).
    pub token: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
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
