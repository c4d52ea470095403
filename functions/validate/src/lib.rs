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
    secrets::{SecretCache, Secrets},
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
    router: fn(ValidateState) -> Router,
) -> impl Future<Output = Result<App, Vec<Problem>>> + use<> {
    let keys = SecretSource::of_keys(reader);
    let secrets = SecretsConfig::read(reader);
    let verify = VerifyConfig::read(reader);
    async move {
        let secrets = Secrets::new(secrets, transport.takes_snapshot());
        let keys = Keys::fetch(keys, KeyUse::Verify, &secrets).await;
        let keys = keys.map_err(|problem| vec![problem])?;
        let state = ValidateState::new(keys.clone(), verify);
        Ok(App { router: router(state), keys, secrets, database: None })
    }
}

/// The state that all validations share.
pub struct ValidateState {
    keys: SecretCache<Keys>,
    verifier: TokenVerifier,
    /// `JWT_ISSUER`, if it is a URL.
    issuer: Option<String>,
    /// `TOKEN_COOKIE`.
    cookie: Option<String>,
}

impl ValidateState {
    /// The state with these keys, for tokens that meet `config`.
    pub fn new(keys: impl Into<SecretCache<Keys>>, config: VerifyConfig) -> Self {
        let is_url = |name: &String| ["https://", "http://"].iter().any(|it| name.starts_with(it));
        let issuer = config.issuer.clone().filter(is_url);
        let (keys, cookie) = (keys.into(), config.cookie.clone());
        Self { verifier: TokenVerifier::new(keys.clone(), config), keys, issuer, cookie }
    }
}

/// Every method on `/`, `/validate` and all paths below: Envoy and Istio send the client's method and
/// append its path, nginx, Traefik and Caddy send a bare GET. The well-known paths (RFC 8615) are for
/// services that verify tokens themselves.
pub fn router(state: ValidateState) -> Router {
    let router = Router::new()
        .route("/", any(validate))
        .route("/validate", any(validate))
        .route("/validate/", any(validate))
        .route("/validate/{*path}", any(validate))
        .route("/.well-known/jwks.json", get(key_set))
        .route("/.well-known/openid-configuration", get(openid_configuration));
    refuse_others(router.with_state(Arc::new(state)), "GET, HEAD")
}

/// Whether a request may pass, and its user. Only the `Authorization` header decides, or, without it,
/// the cookie `TOKEN_COOKIE`.
pub async fn validate(State(state): State<Arc<ValidateState>>, request: Request) -> Response {
    let headers = request.headers();
    let from_cookie = || cookie_token(headers, state.cookie.as_deref()?);
    let Some(token) = bearer_token(headers).or_else(from_cookie) else {
        return refused(Refusal::MissingBearer, Cause::default(), headers);
    };
    let now = SystemTime::now();
    match state.verifier.verify(token, now).await {
        Ok(token) => verified(&token),
        Err(VerifyError::Invalid(reason)) => {
            refused(Refusal::NotAuthorized, Cause::new(reason), headers)
        }
        Err(VerifyError::Keys(reason)) => unavailable(reason, headers),
    }
}

/// The public keys, for services that verify tokens themselves.
async fn key_set(State(state): State<Arc<ValidateState>>, request: Request) -> Response {
    match state.keys.get_with_previous(SystemTime::now()).await {
        Ok(keys) => respond::key_set(&keys),
        Err(reason) => unavailable(reason, request.headers()),
    }
}

/// The address of the public keys, if `JWT_ISSUER` is a URL.
async fn openid_configuration(
    State(state): State<Arc<ValidateState>>,
    request: Request,
) -> Response {
    let Some(issuer) = &state.issuer else {
        return refused(Refusal::NotFound, Cause::default(), request.headers());
    };
    match state.keys.get_with_previous(SystemTime::now()).await {
        Ok(keys) => respond::openid_configuration(issuer, &keys),
        Err(reason) => unavailable(reason, request.headers()),
    }
}
