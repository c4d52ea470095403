//! The paths of `validate`.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    routing::{any, get},
};
use shared::respond::{Cause, Refusal, refused};

use crate::{
    ValidateState,
    handler::{key_set, openid_configuration, validate},
};

/// The methods of the well-known paths.
pub(crate) const WELL_KNOWN_METHODS: &str = "GET, HEAD";

/// Every method on `/`, `/validate` and everything below: Envoy and Istio send the
/// client's own method and append its path, nginx, Traefik and Caddy send a bare GET.
/// The well-known paths (RFC 8615) are for those that verify tokens themselves.
pub fn router(state: ValidateState) -> Router {
    Router::new()
        .route("/", any(validate))
        .route("/validate", any(validate))
        .route("/validate/", any(validate))
        .route("/validate/{*path}", any(validate))
        .route("/.well-known/jwks.json", get(key_set))
        .route("/.well-known/openid-configuration", get(openid_configuration))
        .method_not_allowed_fallback(async |request: Request| {
            refused(
                Refusal::MethodNotAllowed(WELL_KNOWN_METHODS),
                Cause::default(),
                request.headers(),
            )
        })
        .fallback(async |request: Request| {
            refused(Refusal::NotFound, Cause::default(), request.headers())
        })
        .with_state(Arc::new(state))
}
