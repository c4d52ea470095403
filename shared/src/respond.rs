//! Answers: which status, body and headers each outcome has.
//!
//! This is the one place that turns an outcome into a response, so that all of the
//! HTTP contract can be read here. Causes are logged by whoever finds them; a client
//! gets the same few words for each.

mod accept;
mod problem;

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde::Serialize;

use crate::{
    telemetry::Outcome,
    token::{IssuedToken, VerifiedClaims},
};
use accept::wants_json;

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

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
    /// `validate`: no usable `Authorization: Bearer` header.
    MissingBearer,
    /// `validate`: the token does not verify.
    NotAuthorized,
    /// Something that this service needs is out of reach, or too many wait.
    ServiceUnavailable,
    /// `login` takes POST.
    MethodNotAllowed,
    /// No such path.
    NotFound,
    /// The body, which nobody reads, is too large to be thrown away politely.
    ContentTooLarge,
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::MissingBasic | Self::InvalidCredentials | Self::MissingBearer => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotAuthorized => StatusCode::FORBIDDEN,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::MissingBasic | Self::MissingBearer => "missing credentials",
            Self::InvalidCredentials => "invalid credentials",
            Self::NotAuthorized => "not authorized",
            Self::ServiceUnavailable => "service unavailable",
            Self::MethodNotAllowed => "method not allowed",
            Self::NotFound => "not found",
            Self::ContentTooLarge => "content too large",
        }
    }

    const fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MissingBasic | Self::InvalidCredentials => Some((WWW_AUTHENTICATE, BASIC)),
            Self::MissingBearer => Some((WWW_AUTHENTICATE, BEARER)),
            Self::NotAuthorized => Some((WWW_AUTHENTICATE, BEARER_INVALID)),
            Self::ServiceUnavailable => Some((RETRY_AFTER, HeaderValue::from_static("2"))),
            Self::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("POST"))),
            Self::NotFound | Self::ContentTooLarge => None,
        }
    }

    /// The name of this outcome in the log, from the OWASP logging vocabulary where it
    /// has one.
    const fn outcome(self) -> &'static str {
        match self {
            Self::MissingBasic | Self::MissingBearer => "authn_credentials_missing",
            Self::InvalidCredentials => "authn_login_fail",
            Self::NotAuthorized => "authz_fail",
            Self::ServiceUnavailable => "service_unavailable",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotFound => "not_found",
            Self::ContentTooLarge => "content_too_large",
        }
    }
}

/// The answer to a request that is refused. `reason` is for the log alone.
#[must_use]
pub fn refused(
    refusal: Refusal,
    reason: Option<Cow<'static, str>>,
    request: &HeaderMap,
) -> Response<Body> {
    let (media_type, body) = if wants_json(request) {
        (PROBLEM, problem::body(refusal.status(), refusal.text()))
    } else {
        (TEXT, refusal.text().to_owned())
    };
    let outcome = Outcome { name: refusal.outcome(), user_id: None, reason };
    let mut response = response(refusal.status(), media_type, body, outcome);
    response.headers_mut().extend(refusal.header());
    response
}

/// The answer of `login` to the right password: the bare token, as the Flask service
/// gave it, or RFC 6749 section 5.1 where the client asks for JSON.
#[must_use]
pub fn logged_in(issued: &IssuedToken, user_id: &str, request: &HeaderMap) -> Response<Body> {
    let (media_type, body) = if wants_json(request) {
        (JSON, access_token(&issued.token, issued.lifetime))
    } else {
        (TEXT, issued.token.clone())
    };
    let outcome =
        Outcome { name: "authn_login_success", user_id: Some(user_id.to_owned()), reason: None };
    let mut response = response(StatusCode::OK, media_type, body, outcome);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The answer of `validate` to a good token.
///
/// Both identity headers are always there and never empty: a proxy that copies them
/// then overwrites whatever a client sent under their names.
#[must_use]
pub fn verified(claims: VerifiedClaims, request: &HeaderMap) -> Response<Body> {
    let Ok(user) = HeaderValue::from_str(claims.username()) else {
        return refused(Refusal::NotAuthorized, Some("username fits no header".into()), request);
    };
    let groups = if claims.admin() { "users,admins" } else { "users" };
    let outcome = Outcome {
        name: "authn_token_verified",
        user_id: claims.subject().map(str::to_owned),
        reason: None,
    };
    let mut response = response(StatusCode::OK, JSON, claims.into_payload(), outcome);
    let headers = response.headers_mut();
    headers.insert(USER, user);
    headers.insert(GROUPS, HeaderValue::from_static(groups));
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// RFC 6749 section 5.1.
fn access_token(token: &str, lifetime: Duration) -> String {
    #[derive(Serialize)]
    struct TokenResponse<'a> {
        access_token: &'a str,
        token_type: &'static str,
        expires_in: u64,
    }
    let answer =
        TokenResponse { access_token: token, token_type: "Bearer", expires_in: lifetime.as_secs() };
    serde_json::to_string(&answer).expect("two texts and a number are JSON")
}

fn response(
    status: StatusCode,
    media_type: HeaderValue,
    body: String,
    outcome: Outcome,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response.extensions_mut().insert(outcome);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the HTTP contract.
    #[test]
    fn each_refusal_has_the_status_body_and_header_of_the_contract() {
        let basic = Some(("www-authenticate", r#"Basic realm="auth", charset="UTF-8""#));
        let bearer = Some(("www-authenticate", r#"Bearer realm="auth""#));
        let invalid = Some(("www-authenticate", r#"Bearer realm="auth", error="invalid_token""#));
        for (refusal, status, text, header) in [
            (Refusal::MissingBasic, 401, "missing credentials", basic),
            (Refusal::InvalidCredentials, 401, "invalid credentials", basic),
            (Refusal::MissingBearer, 401, "missing credentials", bearer),
            (Refusal::NotAuthorized, 403, "not authorized", invalid),
            (Refusal::ServiceUnavailable, 503, "service unavailable", Some(("retry-after", "2"))),
            (Refusal::MethodNotAllowed, 405, "method not allowed", Some(("allow", "POST"))),
            (Refusal::NotFound, 404, "not found", None),
            (Refusal::ContentTooLarge, 413, "content too large", None),
        ] {
            let response = refused(refusal, None, &HeaderMap::new());
            assert_eq!((response.status().as_u16(), refusal.text()), (status, text));
            let mut expected = HeaderMap::from_iter([(CONTENT_TYPE, TEXT)]);
            expected.extend(header.map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            }));
            assert_eq!(*response.headers(), expected, "{refusal:?}");
        }
    }
}
