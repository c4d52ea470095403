//! The requests that are not answered with 200.

use std::time::Duration;

use axum::http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::telemetry::OutcomeName;

/// The challenge of `login` (RFC 7617 section 2 and 2.1).
const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
/// The challenge of `validate` where there were no credentials (RFC 6750 section 3).
const BEARER: &str = r#"Bearer realm="auth""#;
/// The challenge of `validate` where the token was no good (RFC 6750 section 3.1).
const BEARER_INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

/// Every way in which a request is not answered with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `login`: no usable `Authorization: Basic` header.
    MissingBasic,
    /// `login`: unknown e-mail, wrong password or unusable hash.
    InvalidCredentials,
    /// `login`: too many failures; try again after so long.
    TooManyAttempts(Duration),
    /// `validate`: no usable `Authorization: Bearer` header.
    MissingBearer,
    /// `validate`: the token does not verify.
    NotAuthorized,
    /// Something that this service needs is out of reach, or too many wait.
    ServiceUnavailable,
    /// This path takes these methods alone.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

impl Refusal {
    /// Status, text, and what the request is logged and counted as.
    pub(super) const fn answer(self) -> (StatusCode, &'static str, OutcomeName) {
        match self {
            Self::MissingBasic | Self::MissingBearer => {
                (StatusCode::UNAUTHORIZED, "missing credentials", OutcomeName::CredentialsMissing)
            }
            Self::InvalidCredentials => {
                (StatusCode::UNAUTHORIZED, "invalid credentials", OutcomeName::LoginFail)
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many attempts", OutcomeName::LoginFailMax)
            }
            Self::NotAuthorized => {
                (StatusCode::FORBIDDEN, "not authorized", OutcomeName::AuthzFail)
            }
            Self::ServiceUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service unavailable",
                OutcomeName::ServiceUnavailable,
            ),
            Self::MethodNotAllowed(_) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed",
                OutcomeName::MethodNotAllowed,
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not found", OutcomeName::NotFound),
        }
    }

    /// The header that says what to do about it.
    pub(super) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        let challenge = |text| Some((WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        match self {
            Self::MissingBasic | Self::InvalidCredentials => challenge(BASIC),
            Self::MissingBearer => challenge(BEARER),
            Self::NotAuthorized => challenge(BEARER_INVALID),
            Self::TooManyAttempts(wait) => Some((RETRY_AFTER, whole_seconds(wait).into())),
            Self::ServiceUnavailable => Some((RETRY_AFTER, HeaderValue::from_static("2"))),
            Self::MethodNotAllowed(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Self::NotFound => None,
        }
    }
}

/// Rounded up, so that a client does not come a moment too early (RFC 9110 section 10.2.3).
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
