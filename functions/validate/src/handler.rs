//! The way of a request: bearer token → verified claims → identity headers.

use std::time::SystemTime;

use axum::{
    extract::{Request, State},
    response::Response,
};
use shared::{
    authorization::BearerToken,
    respond::{Cause, Refusal, refused, verified},
};

use crate::ValidateState;

pub(crate) async fn validate(State(state): State<ValidateState>, request: Request) -> Response {
    let headers = request.headers();
    let Ok(token) = BearerToken::from_headers(headers) else {
        return refused(Refusal::MissingBearer, Cause::default(), headers);
    };
    match state.tokens.verify(token.as_str(), SystemTime::now()) {
        Ok(claims) => verified(claims, headers),
        Err(invalid) => refused(Refusal::NotAuthorized, Cause::new(invalid), headers),
    }
}
