//! The paths of `validate`.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::Method,
    response::Response,
};
use shared::respond::{Cause, Refusal, refused};

use crate::{
    ValidateState,
    handler::{key_set, openid_configuration, validate},
};

/// The methods of the well-known paths.
pub(crate) const WELL_KNOWN_METHODS: &str = "GET, HEAD";

const KEY_SET: &str = "/.well-known/jwks.json";
const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";

/// Every method on `/`, `/validate` and everything below: Envoy and Istio send the
/// client's own method and append its path, nginx, Traefik and Caddy send a bare GET.
/// The well-known paths (RFC 8615) are for those that verify tokens themselves.
pub fn router(state: ValidateState) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(state))
}

/// By hand, and not by routes of axum's: those note for each request what their paths match,
/// which takes a tenth of all that a validation does.
async fn answer(State(state): State<Arc<ValidateState>>, request: Request) -> Response {
    let headers = request.headers();
    let path = request.uri().path();
    if path == "/" || path == "/validate" || path.starts_with("/validate/") {
        return validate(&state, headers).await;
    }
    if path != KEY_SET && path != OPENID_CONFIGURATION {
        return refused(Refusal::NotFound, Cause::default(), headers);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return refused(Refusal::MethodNotAllowed(WELL_KNOWN_METHODS), Cause::default(), headers);
    }
    match path {
        KEY_SET => key_set(&state, headers).await,
        _ => openid_configuration(&state, headers).await,
    }
}
