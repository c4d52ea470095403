//! `Authorization: Bearer` (RFC 6750 section 2.1).

use std::fmt;

use axum::http::HeaderMap;

use super::{MissingCredentials, credentials};

/// A token as it was sent, not yet looked at.
#[derive(Clone, Copy)]
pub struct BearerToken<'h>(&'h str);

impl<'h> BearerToken<'h> {
    /// Reads the token from the one `Authorization` header of a request.
    ///
    /// # Errors
    ///
    /// [`MissingCredentials`] if the header is absent, there twice, of another
    /// scheme, or has nothing behind the scheme.
    pub fn from_headers(headers: &'h HeaderMap) -> Result<Self, MissingCredentials> {
        credentials(headers, "Bearer").map(Self)
    }

    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &'h str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BearerToken").finish_non_exhaustive()
    }
}
