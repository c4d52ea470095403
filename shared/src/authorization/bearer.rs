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

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::AUTHORIZATION};

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_token_is_what_stands_behind_the_scheme_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"] {
            let headers = headers(&[value]);
            assert_eq!(BearerToken::from_headers(&headers).unwrap().as_str(), "a.b.c", "{value}");
        }
    }

    #[test]
    fn unusable_headers_are_missing_credentials() {
        for (why, values) in [
            ("absent", vec![]),
            ("twice", vec!["Bearer a.b.c", "Bearer a.b.c"]),
            ("two joined by a comma", vec!["Bearer a.b.c,Bearer a.b.c"]),
            ("another scheme", vec!["Basic YTpi"]),
            ("no scheme", vec!["a.b.c"]),
            ("no token", vec!["Bearer"]),
            ("a blank token", vec!["Bearer  "]),
            ("a tab behind the scheme", vec!["Bearer\ta.b.c"]),
        ] {
            let headers = headers(&values);
            assert_eq!(
                BearerToken::from_headers(&headers).err(),
                Some(MissingCredentials),
                "{why}"
            );
        }
    }
}
