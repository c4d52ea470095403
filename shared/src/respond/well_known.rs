//! What others need in order to verify tokens themselves.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CACHE_CONTROL},
};
use serde::Serialize;

use super::{JSON, response};
use crate::{
    keys::{Algorithm, Key, Keys},
    telemetry::{Outcome, OutcomeName},
};

/// How long others may keep the keys: a new key has to be published for so long before it
/// signs, an old one for as long as its tokens live.
pub(super) const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// The JWK Set (RFC 7517 section 5) of the public keys.
#[must_use]
pub fn key_set(keys: &Keys) -> Response<Body> {
    published(OutcomeName::KeySet, keys.public_set())
}

/// What OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2 call the issuer's
/// metadata, as far as it is about verifying tokens.
#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    /// The `iss` of the tokens, an `https` address.
    issuer: &'a str,
    /// Where the JWK Set is.
    jwks_uri: String,
    /// The algorithms of its keys: `ES256`, `EdDSA`, `RS256`.
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// The metadata of an issuer that is a URL.
#[must_use]
pub fn openid_configuration(issuer: &str, keys: &Keys) -> Response<Body> {
    let mut algorithms: Vec<&str> = keys
        .iter()
        .filter(|key| key.public_jwk().is_some())
        .map(Key::algorithm)
        .map(Algorithm::name)
        .collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let metadata = Metadata {
        issuer,
        jwks_uri: format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
        id_token_signing_alg_values_supported: algorithms,
    };
    let body = serde_json::to_string(&metadata).expect("texts are JSON");
    published(OutcomeName::OpenidConfiguration, body)
}

fn published(name: OutcomeName, body: String) -> Response<Body> {
    let outcome = Outcome { name, user_id: None, reason: None };
    let mut response = response(StatusCode::OK, JSON, body, outcome);
    response.headers_mut().insert(CACHE_CONTROL, PUBLIC);
    response
}
