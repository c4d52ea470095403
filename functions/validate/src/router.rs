//! The paths of `validate`.

use axum::{Router, extract::Request, routing::any};
use shared::respond::{Cause, Refusal, refused};

use crate::{ValidateState, handler::validate};

/// Every method on `/`, `/validate` and everything below: Envoy and Istio send the
/// client's own method and append its path, nginx, Traefik and Caddy send a bare GET.
pub fn router(state: ValidateState) -> Router {
    Router::new()
        .route("/", any(validate))
        .route("/validate", any(validate))
        .route("/validate/", any(validate))
        .route("/validate/{*path}", any(validate))
        .fallback(async |request: Request| {
            refused(Refusal::NotFound, Cause::default(), request.headers())
        })
        .with_state(state)
}
