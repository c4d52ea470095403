//! Answers: which status, body and headers each outcome has.
//!
//! This is the one place that turns an outcome into a response, so that all of the
//! HTTP contract can be read here. Causes are logged where they are found; a client gets the same
//! few words for each.

mod accept;
mod refusal;
mod well_known;

pub use refusal::Refusal;
pub use well_known::{key_set, openid_configuration};

use std::{borrow::Cow, fmt::Display, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
};
use serde::Serialize;

use crate::{
    telemetry::{Outcome, OutcomeName},
    token::{IssuedToken, VerifiedClaims},
};
use accept::wants_json;

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What the log, and no client, is told of a refusal.
#[derive(Debug, Default)]
pub struct Cause {
    /// The user that it was about, where there is one.
    pub user_id: Option<String>,
    /// What was wrong.
    pub reason: Option<Cow<'static, str>>,
}

impl Cause {
    /// A cause that is about no user in particular.
    #[must_use]
    pub fn new(reason: impl Display) -> Self {
        Self { user_id: None, reason: Some(reason.to_string().into()) }
    }
}

/// The answer to a request that is refused.
#[must_use]
pub fn refused(refusal: Refusal, cause: Cause, request: &HeaderMap) -> Response<Body> {
    let (media_type, body) = if wants_json(request) {
        (PROBLEM, problem_body(refusal.status(), refusal.text()))
    } else {
        (TEXT, refusal.text().to_owned())
    };
    let Cause { user_id, reason } = cause;
    let outcome = Outcome { name: refusal.outcome(), user_id, reason };
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
    let name = OutcomeName::LoginSuccess;
    let outcome = Outcome { name, user_id: Some(user_id.to_owned()), reason: None };
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
    let groups = if claims.admin() { "users,admins" } else { "users" };
    let (payload, username, subject) = claims.into_parts();
    let Ok(user) = HeaderValue::try_from(username) else {
        return refused(Refusal::NotAuthorized, Cause::new("username fits no header"), request);
    };
    let outcome = Outcome {
        name: OutcomeName::TokenVerified,
        // Others who sign with the same key may put an e-mail there.
        user_id: subject.filter(|id| !id.contains('@')),
        reason: None,
    };
    let mut response = response(StatusCode::OK, JSON, payload, outcome);
    let headers = response.headers_mut();
    headers.insert(USER, user);
    headers.insert(GROUPS, HeaderValue::from_static(groups));
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The token for a client that asks for JSON (RFC 6749 section 5.1).
#[derive(Serialize)]
struct TokenResponse<'a> {
    /// The JWT.
    access_token: &'a str,
    /// `Bearer`: how the token is to be presented.
    token_type: &'static str,
    /// How long the token is valid, in seconds.
    expires_in: u64,
}

fn access_token(token: &str, lifetime: Duration) -> String {
    let answer =
        TokenResponse { access_token: token, token_type: "Bearer", expires_in: lifetime.as_secs() };
    serde_json::to_string(&answer).expect("two texts and a number are JSON")
}

/// A problem without a type of its own (RFC 9457 section 4.2.1).
#[derive(Serialize)]
struct Problem<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The name of the status.
    title: &'a str,
    /// The status code.
    status: u16,
    /// What the plain text says.
    detail: &'a str,
}

fn problem_body(status: StatusCode, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or_default();
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    serde_json::to_string(&problem).expect("texts and a number are JSON")
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
