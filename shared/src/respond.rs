//! Answers: which status, body and headers each outcome has. No other module makes a response of
//! one, so that all of the HTTP contract can be read here. A client is not told the cause.

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
    telemetry::{Outcome, OutcomeName},
    token::VerifiedToken,
};

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// How long others may keep the keys: a new key has to be published for so long before it
/// signs, an old one for as long as its tokens live.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=600");
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
    const fn answer(self) -> (StatusCode, &'static str, OutcomeName) {
        match self {
            Self::MissingBasic | Self::MissingBearer => {
                (StatusCode::UNAUTHORIZED, "missing credentials", OutcomeName::CREDENTIALS_MISSING)
            }
            Self::InvalidCredentials => {
                (StatusCode::UNAUTHORIZED, "invalid credentials", OutcomeName::LOGIN_FAIL)
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many attempts", OutcomeName::LOGIN_FAIL_MAX)
            }
            Self::NotAuthorized => {
                (StatusCode::FORBIDDEN, "not authorized", OutcomeName::AUTHZ_FAIL)
            }
            Self::ServiceUnavailable => {
                let name = OutcomeName::SERVICE_UNAVAILABLE;
                (StatusCode::SERVICE_UNAVAILABLE, "service unavailable", name)
            }
            Self::MethodNotAllowed(_) => {
                let name = OutcomeName::METHOD_NOT_ALLOWED;
                (StatusCode::METHOD_NOT_ALLOWED, "method not allowed", name)
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "not found", OutcomeName::NOT_FOUND),
        }
    }

    /// The header that says what to do about it.
    fn header(self) -> Option<(HeaderName, HeaderValue)> {
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

/// The answer to a request that is refused.
#[must_use]
pub fn refused(refusal: Refusal, cause: Cause, request: &HeaderMap) -> Response {
    /// A problem without a type of its own (RFC 9457 section 4.2.1).
    #[derive(Serialize)]
    struct Problem<'a> {
        r#type: &'a str,
        title: &'a str,
        status: u16,
        detail: &'a str,
    }

    let (status, text, name) = refusal.answer();
    let (media_type, body) = if wants_json(request) {
        let title = status.canonical_reason().unwrap_or_default();
        let problem =
            Problem { r#type: "about:blank", title, status: status.as_u16(), detail: text };
        (PROBLEM, json(&problem))
    } else {
        (TEXT, text.to_owned())
    };
    let outcome = Extension(Outcome { name, cause });
    let header = refusal.header().map(|header| [header]);
    (status, outcome, [(CONTENT_TYPE, media_type)], header, body).into_response()
}

/// The answer where something that it needs is out of reach.
#[must_use]
pub fn unavailable(reason: impl Display, request: &HeaderMap) -> Response {
    refused(Refusal::ServiceUnavailable, Cause::new(reason), request)
}

/// Refuses other methods than `allowed` on the paths of a router, and other paths.
pub fn refuse_others<S>(router: Router<S>, allowed: &'static str) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let refuse =
        |refusal| async move |request: HeaderMap| refused(refusal, Cause::default(), &request);
    router
        .method_not_allowed_fallback(refuse(Refusal::MethodNotAllowed(allowed)))
        .fallback(refuse(Refusal::NotFound))
}

/// The answer of `login` to the right password: the bare token, or RFC 6749 section 5.1 as JSON.
#[must_use]
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
    let outcome = Extension(Outcome { name: OutcomeName::LOGIN_SUCCESS, cause });
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, NO_STORE)];
    (outcome, headers, body).into_response()
}

/// The answer of `validate` to a good token. Both identity headers are always there and never
/// empty: a proxy that copies them then overwrites what a client sent under their names.
#[must_use]
pub fn verified(token: &VerifiedToken) -> Response {
    let groups = if token.admin { "users,admins" } else { "users" };
    let (user, payload) = (token.username.clone(), token.payload.clone());
    // Others who sign with the same key may put an e-mail there.
    let user_id = token.subject.clone().filter(|id| !id.contains('@'));
    let cause = Cause { user_id, reason: None };
    let outcome = Extension(Outcome { name: OutcomeName::TOKEN_VERIFIED, cause });
    let groups = HeaderValue::from_static(groups);
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, NO_STORE), (USER, user), (GROUPS, groups)];
    (outcome, headers, payload).into_response()
}

/// The JWK Set (RFC 7517 section 5) of the public keys.
#[must_use]
pub fn key_set(keys: &Keys) -> Response {
    published(OutcomeName::KEY_SET, keys.public_set())
}

/// The metadata of an issuer (RFC 8414 section 2), as far as it is about verifying tokens.
#[must_use]
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
    published(OutcomeName::OPENID_CONFIGURATION, json(&metadata))
}

fn published(name: OutcomeName, body: String) -> Response {
    let headers = [(CONTENT_TYPE, JSON), (CACHE_CONTROL, PUBLIC)];
    (Extension(Outcome { name, cause: Cause::default() }), headers, body).into_response()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

/// Whether the request accepts JSON (RFC 9110 section 12.5.1) and does not accept plain text, which
/// every other request gets: that is what the Flask service's gateway expects.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |media_type, subtype| {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(','));
        let matching = ranges.filter_map(|range| precedence(range, media_type, subtype));
        // Of the ranges that match, the most specific one decides.
        matching.max().is_some_and(|(_, acceptable)| acceptable)
    };
    let json = accepts("application", "json") || accepts("application", "problem+json");
    json && !accepts("text", "plain")
}

/// How closely a range such as `text/*;q=0.5` names this type, and whether it accepts it; `None`
/// if it says nothing about it.
fn precedence(range: &str, media_type: &str, subtype: &str) -> Option<(u8, bool)> {
    let mut parameters = range.split(';').map(str::trim);
    let (given_type, given_subtype) = parameters.next()?.split_once('/')?;
    let same_type = given_type.eq_ignore_ascii_case(media_type);
    let specificity = match (given_type, given_subtype) {
        ("*", "*") => 0,
        (_, "*") if same_type => 1,
        (_, given) if same_type && given.eq_ignore_ascii_case(subtype) => 2,
        _ => return None,
    };
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("q").then_some(value)
    });
    Some((specificity, weight.is_none_or(|weight| weight.parse().is_ok_and(|q: f32| q > 0.0))))
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
            ("application/json, text/html;q=0.9", true),
            ("application/json, */*;q=0", true),
            ("application/json, text/plain;q=0, */*", true),
            ("*/*", false),
            ("", false),
            ("text/plain", false),
            ("text/html", false),
            ("application/json, text/plain, */*", false),
            ("application/json, text/*;q=0.1", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            (",;/=,,", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_json(&headers), json, "Accept: {accept}");
        }
        assert!(!wants_json(&HeaderMap::new()), "no Accept");
    }

    #[test]
    fn the_wait_is_rounded_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(999, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
