//! Tokens: JWTs (RFC 7519) in the compact serialisation of JWS (RFC 7515).

mod claims;
mod verifier;
mod verify;

pub use verifier::TokenVerifier;
pub use verify::{InvalidToken, VerifiedToken, VerifyError, verify};

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_with::skip_serializing_none;
use uuid::Uuid;

use crate::{
    config::IssueConfig,
    keys::{Keys, SigningFailed},
};

/// The user that a token is issued to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user's id, for `sub`.
    pub id: &'a str,
    /// The e-mail as it is stored, for `username`.
    pub username: &'a str,
    /// Whether the user is an administrator.
    pub admin: bool,
    /// Further groups of the user.
    pub groups: &'a [String],
}

/// The claims of a token of ours. The first four are those of the Flask service.
#[skip_serializing_none]
#[derive(Serialize)]
struct IssuedClaims<'a> {
    username: &'a str,
    admin: bool,
    iat: u64,
    exp: u64,
    sub: &'a str,
    jti: String,
    iss: Option<&'a str>,
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
}

/// A new token (RFC 7515 section 3.1), issued at `now` and signed with the first of `keys` that can.
///
/// # Errors
///
/// [`SigningFailed`] if none can, or the cryptographic library refuses to.
pub fn issue(
    keys: &Keys,
    config: &IssueConfig,
    subject: Subject<'_>,
    now: SystemTime,
) -> Result<String, SigningFailed> {
    let iat = now.duration_since(UNIX_EPOCH).map_err(|_| SigningFailed)?.as_secs();
    let claims = IssuedClaims {
        username: subject.username,
        admin: subject.admin,
        iat,
        exp: iat + config.lifetime.as_secs(),
        sub: subject.id,
        jti: Uuid::new_v4().to_string(),
        iss: config.issuer.as_deref(),
        aud: config.audience.as_deref(),
        groups: subject.groups,
    };
    keys.signing().ok_or(SigningFailed)?.encode(&claims)
}
