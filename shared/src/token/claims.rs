//! What a token says.

use std::fmt;

use serde::Serialize;

/// Whom a token is issued to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user's id, for `sub`.
    pub id: &'a str,
    /// The e-mail as it is stored, for `username`.
    pub username: &'a str,
    /// Whether the user is an administrator.
    pub admin: bool,
}

/// The claims of a token of ours. The first four are those of the Flask service.
#[derive(Serialize)]
pub(super) struct IssuedClaims<'a> {
    pub(super) username: &'a str,
    pub(super) admin: bool,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) sub: &'a str,
    pub(super) jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
}

/// The claims of a token that verified.
///
/// Only [`verify`](super::verify()) can make one, and nothing else can
/// be answered with 200: so no token that was not verified is ever let through.
pub struct VerifiedClaims {
    pub(super) payload: String,
    pub(super) username: String,
    pub(super) admin: bool,
    pub(super) subject: Option<String>,
}

impl VerifiedClaims {
    /// [`Self::payload`], [`Self::username`] and [`Self::subject`], without copies.
    #[must_use]
    pub fn into_parts(self) -> (String, String, Option<String>) {
        (self.payload, self.username, self.subject)
    }

    /// The whole payload as it was signed, a JSON object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The `username` claim: not empty, without blanks around it or control characters.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The `admin` claim.
    #[must_use]
    pub fn admin(&self) -> bool {
        self.admin
    }

    /// The `sub` claim, where there is one: Flask's tokens have none.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerifiedClaims").finish_non_exhaustive()
    }
}
