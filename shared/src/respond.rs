//! The status, body and headers of the functions' responses: the HTTP contract in one place. Causes
//! are for the log, not for clients. Probes, metrics and what is no event are answered in `serve`.

pub use crate::telemetry::Cause;

use std::{collections::BTreeSet, fmt::Display, time::Duration};

use axum::{
    Extension, Router,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    keys::{Key, Keys},
    secrets,
    telemetry::Outcome,
    token::VerifiedToken,
};

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// How long keys may be cached. A new key is published at least this long before it signs, an old
/// one until its tokens expire.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=600");
/// The challenge of `login` (RFC 7617 section 2 and 2.1).
const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
/// The same for a script in a browser: `Basic` would make the browser ask for a password.
const BASIC_FOR_SCRIPTS: &str = r#"xBasic realm="auth", charset="UTF-8""#;
/// The challenge of `validate` without credentials (RFC 6750 section 3).
const BEARER: &str = r#"Bearer realm="auth""#;
/// The challenge of `validate` for an invalid token (RFC 6750 section 3.1).
const BEARER_INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

/// Why a request is not answered with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `login`: no usable `Authorization: Basic` header.
    MissingBasic,
    /// `login`: unknown e-mail, wrong password or unusable hash.
    InvalidCredentials,
    /// `login`: too many failures; try again after this time.
    TooManyAttempts(Duration),
    /// `validate`: no usable `Authorization: Bearer` header.
    MissingBearer,
    /// `validate`: the token does not verify.
    NotAuthorized,
    /// A dependency is unreachable, or too many requests wait.
    ServiceUnavailable,
    /// The path allows only these methods.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

impl Refusal {
    /// Status, body text, and outcome.
    const fn details(self) -> (StatusCode, &'static str, Outcome) {
        match self {
            Self::MissingBasic | Self::MissingBearer => {
                (StatusCode::UNAUTHORIZED, "missing credentials", Outcome::CREDENTIALS_MISSING)
            }
            Self::InvalidCredentials => {
                (StatusCode::UNAUTHORIZED, "invalid credentials", Outcome::LOGIN_FAIL)
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many attempts", Outcome::LOGIN_FAIL_MAX)
            }
            Self::NotAuthorized => (StatusCode::FORBIDDEN, "not authorized", Outcome::AUTHZ_FAIL),
            Self::ServiceUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service unavailable",
                Outcome::SERVICE_UNAVAILABLE,
            ),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method not allowed", Outcome::METHOD_NOT_ALLOWED)
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "not found", Outcome::NOT_FOUND),
        }
    }

    fn header(self, request: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let challenge = |text| Some((WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        match self {
            Self::MissingBasic | Self::InvalidCredentials => {
                // A person who opens a page sends `navigate`, and clients that are no browser send
                // nothing (Fetch Metadata).
                let mode = request.get("sec-fetch-mode");
                let is_from_script = mode.is_some_and(|mode| mode != "navigate");
                challenge(if is_from_script { BASIC_FOR_SCRIPTS } else { BASIC })
            }
            Self::MissingBearer => challenge(BEARER),
            Self::NotAuthorized => challenge(BEARER_INVALID),
            Self::TooManyAttempts(wait) => Some((RETRY_AFTER, whole_seconds(wait).into())),
            Self::ServiceUnavailable => {
                Some((RETRY_AFTER, whole_seconds(secrets::RETRY_AFTER).into()))
            }
            Self::MethodNotAllowed(methods) => Some((ALLOW, HeaderValue::from_static(methods))),
            Self::NotFound => None,
        }
    }
}

/// Rounded up, so that a client does not retry a moment too early (RFC 9110 section 10.2.3).
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The response to a request that is refused.
pub fn refused(refusal: Refusal, cause: Cause, request: &HeaderMap) -> Response {
    /// A problem without a type of its own (RFC 9457 section 4.2.1).
    #[derive(Serialize)]
    struct Problem<'a> {
        r#type: &'a str,
        title: &'a str,
        status: u16,
        detail: &'a str,
    }

    let (status, text, outcome) = refusal.details();
    let (media_type, body) = if wants_json(request) {
        let title = status.canonical_reason().unwrap_or_default();
        let problem =
            Problem { r#type: "about:blank", title, status: status.as_u16(), detail: text };
        (PROBLEM, json(&problem))
    } else {
        (TEXT, text.to_owned())
    };
    let header = refusal.header(request).map(|header| [header]);
    let content_type = [(CONTENT_TYPE, media_type)];
    (status, Extension(outcome), Extension(cause), content_type, header, body).into_response()
}

/// A 503, with the reason for the log.
pub fn unavailable(reason: impl Display, request: &HeaderMap) -> Response {
    refused(Refusal::ServiceUnavailable, Cause::new(reason), request)
}

/// Adds the responses for other paths (404) and other methods than `allowed` (405) to a router.
pub fn refuse_others(router: Router, allowed: &'static str) -> Router {
    let refuse =
        |refusal| async move |request: HeaderMap| refused(refusal, Cause::default(), &request);
    router
        .method_not_allowed_fallback(refuse(Refusal::MethodNotAllowed(allowed)))
        .fallback(refuse(Refusal::NotFound))
}

/// The response of `login` to the right password: the bare token, or JSON (RFC 6749 section 5.1).
pub fn logged_in(token: &str, lifetime: Duration, user_id: &str, request: &HeaderMap) -> Response {
    #[derive(Serialize)]
    struct TokenResponse<'a> {
        access_token: &'a str,
        token_type: &'a str,
        expires_in: u64,
    }

    let (media_type, body) = if wants_json(request) {
        let expires_in = lifetime.as_secs();
        (JSON, json(&TokenResponse { access_token: token, token_type: "Bearer", expires_in }))
    } else {
        (TEXT, token.to_owned())
    };
    let cause = Cause { user_id: Some(user_id.into()), reason: None };
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, NO_STORE)];
    (Extension(Outcome::LOGIN_SUCCESS), Extension(cause), headers, body).into_response()
}

/// The response of `validate` to a valid token. Both identity headers are always set and never
/// empty, so that a proxy which copies them overwrites the values that a client sent.
pub fn verified(token: &VerifiedToken) -> Response {
    let (user, groups) = (token.username.clone(), token.groups.clone());
    // Another issuer with the same key may use an e-mail as the subject, which is not logged.
    let user_id = token.subject.clone().filter(|id| !id.contains('@'));
    let extensions =
        (Extension(Outcome::TOKEN_VERIFIED), Extension(Cause { user_id, reason: None }));
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, NO_STORE), (USER, user), (GROUPS, groups)];
    (extensions, headers, token.payload.clone()).into_response()
}

/// The JWK Set (RFC 7517 section 5) of the public keys.
pub fn key_set(keys: &Keys) -> Response {
    published(Outcome::KEY_SET, keys.public_set())
}

/// The issuer metadata (RFC 8414 section 2) that is needed to verify tokens.
pub fn openid_configuration(issuer: &str, keys: &Keys) -> Response {
    #[derive(Serialize)]
    struct Metadata<'a> {
        issuer: &'a str,
        jwks_uri: String,
        id_token_signing_alg_values_supported: BTreeSet<&'a str>,
    }

    let public = keys.iter().filter(|key| key.public.is_some());
    let metadata = Metadata {
        issuer,
        jwks_uri: format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
        id_token_signing_alg_values_supported: public.map(Key::alg).collect(),
    };
    published(Outcome::OPENID_CONFIGURATION, json(&metadata))
}

fn published(outcome: Outcome, body: String) -> Response {
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, PUBLIC)];
    (Extension(outcome), headers, body).into_response()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

/// Whether the request accepts JSON and not plain text (RFC 9110 section 12.5.1). Plain text is the
/// default, as in the Flask service.
fn wants_json(headers: &HeaderMap) -> bool {
    // `ranges` match a type; a later one is more specific.
    let accepts = |ranges: [&str; 3]| {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let matching = values.flat_map(|value| value.split(',')).filter_map(|given| {
            let mut parameters = given.split(';').map(str::trim);
            let range = parameters.next()?;
            let specificity = ranges.iter().position(|it| it.eq_ignore_ascii_case(range))?;
            let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
            let weight = pairs.find(|(name, _)| name.eq_ignore_ascii_case("q"));
            let accepted = weight.is_none_or(|(_, it)| it.parse().is_ok_and(|it: f32| it > 0.0));
            Some((specificity, accepted))
        });
        // The most specific one decides.
        matching.max().is_some_and(|(_, accepted)| accepted)
    };
    let json = |media_type| accepts(["*/*", "application/*", media_type]);
    (json("application/json") || json("application/problem+json"))
        && !accepts(["*/*", "text/*", "text/plain"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_requests_that_accept_it_and_not_plain_text() {
        for (accept, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/*", true),
            ("application/json, */*;q=0", true),
            ("application/json, text/plain;q=0, */*", true),
            ("*/*", false),
            ("application/json, text/plain, */*", false),
            ("application/json, text/*;q=0.1", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            (",;/=,,", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_json(&headers), json, "Accept: {accept}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
