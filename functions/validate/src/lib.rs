//! `validate`: JWT in, claims out.
//!
//! A gateway sends it each request, and lets the request pass if the response is 200. It needs no
//! database and, except with HS256, no key that could sign.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{any, get},
};
use shared::{
    authorization::{bearer_token, cookie_token},
    config::{Problem, Reader, SecretSource, SecretsConfig, TransportConfig, VerifyConfig},
    keys::{KeyUse, Keys},
    respond::{self, Cause, Refusal, refuse_others, refused, unavailable, verified},
    secrets::Secrets,
    serve::App,
    token::{TokenVerifier, VerifyError},
};

/// Reads the configuration, and returns the cold start, which fetches the keys.
///
/// # Errors
///
/// A [`Problem`] if the secret does not exist or has no keys.
pub fn configure(
    reader: &mut Reader<'_>,
    transport: TransportConfig,
    router: fn(TokenVerifier) -> Router,
) -> impl Future<Output = Result<App, Vec<Problem>>> + use<> {
    let keys = SecretSource::of_keys(reader);
    let secrets = SecretsConfig::read(reader);
    let verify = VerifyConfig::read(reader);
    async move {
        let secrets = Secrets::new(secrets, transport.takes_snapshot());
        let keys = Keys::fetch(keys, KeyUse::Verify, &secrets).await;
        let keys = keys.map_err(|problem| vec![problem])?;
        let router = router(TokenVerifier::new(keys.clone(), verify));
        Ok(App { router, keys, secrets, database: None })
    }
}

/// Every method on `/`, `/validate` and all paths below: Envoy and Istio send the client's method and
/// append its path, nginx, Traefik and Caddy send a bare GET. The well-known paths (RFC 8615) are for
/// services that verify tokens themselves.
pub fn router(verifier: TokenVerifier) -> Router {
    let router = Router::new()
        .route("/", any(validate))
        .route("/validate", any(validate))
        .route("/validate/", any(validate))
        .route("/validate/{*path}", any(validate))
        .route("/.well-known/jwks.json", get(key_set))
        .route("/.well-known/openid-configuration", get(openid_configuration));
    refuse_others(router.with_state(Arc::new(verifier)), "GET, HEAD")
}

/// Whether a request may pass, and its user. Only the `Authorization` header decides, or, without it,
/// the cookie `TOKEN_COOKIE`.
pub async fn validate(State(verifier): State<Arc<TokenVerifier>>, request: Request) -> Response {
    let headers = request.headers();
    let from_cookie = || cookie_token(headers, verifier.config().cookie.as_deref()?);
    let Some(token) = bearer_token(headers).or_else(from_cookie) else {
        return refused(Refusal::MissingBearer, Cause::default(), headers);
    };
    match verifier.verify(token, SystemTime::now()).await {
        Ok(token) => verified(&token),
        Err(VerifyError::Invalid(reason)) => {
            refused(Refusal::NotAuthorized, Cause::new(reason), headers)
        }
        Err(VerifyError::Keys(reason)) => unavailable(reason, headers),
    }
}

/// The public keys, for services that verify tokens themselves.
async fn key_set(State(verifier): State<Arc<TokenVerifier>>, request: Request) -> Response {
    match verifier.keys.get_with_previous(SystemTime::now()).await {
        Ok(keys) => respond::key_set(&keys),
        Err(reason) => unavailable(reason, request.headers()),
    }
}

/// The address of the public keys, if `JWT_ISSUER` is a URL.
async fn openid_configuration(
    State(verifier): State<Arc<TokenVerifier>>,
    request: Request,
) -> Response {
    let is_url = |name: &&str| name.starts_with("https://") || name.starts_with("http://");
    let Some(issuer) = verifier.config().issuer.as_deref().filter(is_url) else {
        return refused(Refusal::NotFound, Cause::default(), request.headers());
    };
    match verifier.keys.get_with_previous(SystemTime::now()).await {
        Ok(keys) => respond::openid_configuration(issuer, &keys),
        Err(reason) => unavailable(reason, request.headers()),
    }
}
