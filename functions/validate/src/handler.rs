//! The way of a request: bearer token → verified claims → identity headers.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    response::Response,
};
use shared::{
    authorization::bearer_token,
    respond::{self, Cause, Refusal, refused, verified},
    token::{VerifyError, verify_with_newest},
};

use crate::ValidateState;

/// Whether the bearer of a token may pass, and as which user: decided by the `Authorization`
/// header alone.
pub async fn validate(State(state): State<Arc<ValidateState>>, request: Request) -> Response {
    let headers = request.headers();
    let Some(token) = bearer_token(headers) else {
        return refused(Refusal::MissingBearer, Cause::default(), headers);
    };
    let now = SystemTime::now();
    match verify_with_newest(&state.keys, &state.token, token, now).await {
        Ok(claims) => verified(claims, headers),
        Err(VerifyError::Invalid(reason)) => {
            refused(Refusal::NotAuthorized, Cause::new(reason), headers)
        }
        Err(VerifyError::Keys(reason)) => {
            refused(Refusal::ServiceUnavailable, Cause::new(reason), headers)
        }
    }
}

/// The public keys, for gateways that verify tokens themselves.
pub(crate) async fn key_set(State(state): State<Arc<ValidateState>>, request: Request) -> Response {
    match state.keys.get(SystemTime::now()).await {
        Ok(keys) => respond::key_set(&keys),
        Err(reason) => refused(Refusal::ServiceUnavailable, Cause::new(reason), request.headers()),
    }
}

/// Where such gateways find the keys, if `JWT_ISSUER` is a URL.
pub(crate) async fn openid_configuration(
    State(state): State<Arc<ValidateState>>,
    request: Request,
) -> Response {
    let Some(issuer) = &state.issuer else {
        return refused(Refusal::NotFound, Cause::default(), request.headers());
    };
    match state.keys.get(SystemTime::now()).await {
        Ok(keys) => respond::openid_configuration(issuer, &keys),
        Err(reason) => refused(Refusal::ServiceUnavailable, Cause::new(reason), request.headers()),
    }
}
