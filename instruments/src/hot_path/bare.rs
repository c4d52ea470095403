//! What the same answer costs where nobody asks for it.

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Request, header},
    routing::any,
};

use super::{Target, validate};

const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");
/// As long as the claims of a token of ours.
const CLAIMS: &str = r#"{"username":"ada@example.com","admin":false,"iat":1800000000,"exp":1800086400,"sub":"7","jti":"00000000-0000-4000-8000-000000000000"}"#;

/// The service, and requests for it.
pub(super) fn prepare(requests: usize) -> (Target, Vec<Request<Body>>) {
    (Target::Router(bare()), validate::good(requests))
}

/// A service that answers the bytes of `validate` to whatever request.
pub fn bare() -> Router {
    let answer = || async {
        // Texts would be copied.
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (USER, HeaderValue::from_static("ada@example.com")),
            (GROUPS, HeaderValue::from_static("users")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, CLAIMS)
    };
    Router::new().route("/validate", any(answer))
}
