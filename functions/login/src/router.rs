//! The paths of `login`.

use std::sync::Arc;

use axum::{Router, extract::Request, routing::post};
use shared::respond::{Cause, Refusal, refused};

use crate::{LoginState, handler::login};

/// POST on `/login`, and on `/`, the root of a function URL.
pub fn router(state: LoginState) -> Router {
    Router::new()
        .route("/", post(login))
        .route("/login", post(login))
        .method_not_allowed_fallback(async |request: Request| {
            refused(Refusal::MethodNotAllowed("POST"), Cause::default(), request.headers())
        })
        .fallback(async |request: Request| {
            refused(Refusal::NotFound, Cause::default(), request.headers())
        })
        .with_state(Arc::new(state))
}
