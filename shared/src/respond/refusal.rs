//! The requests that are not answered with 200.

use std::time::Duration;

use axum::http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::telemetry::OutcomeName;

/// The challenge of `login` (RFC 7617 section 2 and 2.1).
const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="auth", charset="UTF-8""#);
/// The challenge of `validate` where there were no credentials (RFC 6750 section 3).
const BEARER: HeaderValue = HeaderValue::from_static(r#"Bearer realm="auth""#);
/// The challenge of `validate` where the token was no good (RFC 6750 section 3.1).
const BEARER_INVALID: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="auth", error="invalid_token""#);

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
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::MissingBasic | Self::InvalidCredentials | Self::MissingBearer => {
                StatusCode::UNAUTHORIZED
            }
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotAuthorized => StatusCode::FORBIDDEN,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::MissingBasic | Self::MissingBearer => "missing credentials",
            Self::InvalidCredentials => "invalid credentials",
            Self::TooManyAttempts(_) => "too many attempts",
            Self::NotAuthorized => "not authorized",
            Self::ServiceUnavailable => "service unavailable",
            Self::MethodNotAllowed(_) => "method not allowed",
            Self::NotFound => "not found",
        }
    }

    pub(super) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MissingBasic | Self::InvalidCredentials => Some((WWW_AUTHENTICATE, BASIC)),
            Self::MissingBearer => Some((WWW_AUTHENTICATE, BEARER)),
            Self::TooManyAttempts(wait) => Some((RETRY_AFTER, whole_seconds(wait).into())),
            Self::NotAuthorized => Some((WWW_AUTHENTICATE, BEARER_INVALID)),
            Self::ServiceUnavailable => Some((RETRY_AFTER, HeaderValue::from_static("2"))),
            Self::MethodNotAllowed(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Self::NotFound => None,
        }
    }

    /// What the request is logged and counted as.
    pub(super) const fn outcome(self) -> OutcomeName {
        match self {
            Self::MissingBasic | Self::MissingBearer => OutcomeName::CredentialsMissing,
            Self::InvalidCredentials => OutcomeName::LoginFail,
            Self::TooManyAttempts(_) => OutcomeName::LoginFailMax,
            Self::NotAuthorized => OutcomeName::AuthzFail,
            Self::ServiceUnavailable => OutcomeName::ServiceUnavailable,
            Self::MethodNotAllowed(_) => OutcomeName::MethodNotAllowed,
            Self::NotFound => OutcomeName::NotFound,
        }
    }
}

/// Rounded up: nobody is told to come a moment too early (RFC 9110 section 10.2.3).
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header::CONTENT_TYPE};

    use super::*;
    use crate::respond::{Cause, TEXT, refused};

    /// The table of the HTTP contract.
    #[test]
    fn each_refusal_has_the_status_body_and_header_of_the_contract() {
        let wait = |milliseconds| Refusal::TooManyAttempts(Duration::from_millis(milliseconds));
        let basic = Some(("www-authenticate", r#"Basic realm="auth", charset="UTF-8""#));
        let bearer = Some(("www-authenticate", r#"Bearer realm="auth""#));
        let invalid = Some(("www-authenticate", r#"Bearer realm="auth", error="invalid_token""#));
        for (refusal, status, text, header) in [
            (Refusal::MissingBasic, 401, "missing credentials", basic),
            (Refusal::InvalidCredentials, 401, "invalid credentials", basic),
            (Refusal::MissingBearer, 401, "missing credentials", bearer),
            (Refusal::NotAuthorized, 403, "not authorized", invalid),
            (Refusal::ServiceUnavailable, 503, "service unavailable", Some(("retry-after", "2"))),
            (wait(999), 429, "too many attempts", Some(("retry-after", "1"))),
            (wait(1000), 429, "too many attempts", Some(("retry-after", "1"))),
            (wait(1001), 429, "too many attempts", Some(("retry-after", "2"))),
            (Refusal::MethodNotAllowed("POST"), 405, "method not allowed", Some(("allow", "POST"))),
            (Refusal::NotFound, 404, "not found", None),
        ] {
            let response = refused(refusal, Cause::default(), &HeaderMap::new());
            assert_eq!((response.status().as_u16(), refusal.text()), (status, text));
            let mut expected = HeaderMap::from_iter([(CONTENT_TYPE, TEXT)]);
            expected.extend(header.map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            }));
            assert_eq!(*response.headers(), expected, "{refusal:?}");
        }
    }
}
