//! `validate`: JWT in, claims out.
//!
//! Every gateway asks it whether a request may pass: 200 lets it, anything else does
//! not. It needs no database, and no key that could sign but for HS256.

mod handler;

pub use handler::validate;

use std::sync::Arc;

use axum::{
    Router,
    http::HeaderMap,
    routing::{any, get},
};
use shared::{
    config::{Problem, Reader, SecretSource, SecretsConfig, TokenConfig, TransportConfig},
    keys::{KeyUse, Keys},
    respond::{Cause, Refusal, refused},
    secrets::{SecretCache, Secrets},
    serve::{Function, GatewayEvent, Parts},
    telemetry::RequestCounter,
};

use handler::{key_set, openid_configuration};

/// The function.
pub struct Validate;

/// What `validate` reads from the environment.
#[derive(Debug)]
pub struct ValidateConfig {
    keys: SecretSource,
    secrets: SecretsConfig,
    token: TokenConfig,
}

/// What a request is answered with.
#[derive(Clone)]
pub struct ValidateState {
    keys: SecretCache<Keys>,
    token: TokenConfig,
    /// `JWT_ISSUER`, where it is a URL that others can look keys up at.
    issuer: Option<String>,
}

impl ValidateState {
    /// The state around keys, for tokens as `token` demands them.
    #[must_use]
    pub fn new(keys: impl Into<SecretCache<Keys>>, token: TokenConfig) -> Self {
        let is_url = |name: &String| ["https://", "http://"].iter().any(|it| name.starts_with(it));
        let issuer = token.issuer.clone().filter(is_url);
        Self { keys: keys.into(), token, issuer }
    }
}

impl Function for Validate {
    const NAME: &'static str = "validate";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Validate);
    type Config = ValidateConfig;
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> ValidateConfig {
        ValidateConfig {
            keys: SecretSource::of_keys(reader),
            secrets: SecretsConfig::read(reader),
            token: TokenConfig::read(reader),
        }
    }

    async fn start(
        config: ValidateConfig,
        transport: TransportConfig,
    ) -> Result<Parts, Vec<Problem>> {
        start(config, transport, router).await
    }
}

/// Fetches the keys, for a function whose requests are answered by `router`.
///
/// # Errors
///
/// A [`Problem`] if there is no such secret, or it holds no keys.
pub async fn start(
    config: ValidateConfig,
    transport: TransportConfig,
    router: fn(ValidateState) -> Router,
) -> Result<Parts, Vec<Problem>> {
    let secrets = Secrets::new(config.secrets, transport.takes_snapshot());
    let keys = Keys::fetch(config.keys, KeyUse::Verify, &secrets).await;
    let keys = keys.map_err(|problem| vec![problem])?;
    let state = ValidateState::new(keys.clone(), config.token);
    Ok(Parts { router: router(state), keys, secrets, database: None })
}

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
        .method_not_allowed_fallback(async |request: HeaderMap| {
            refused(Refusal::MethodNotAllowed("GET, HEAD"), Cause::default(), &request)
        })
        .fallback(async |request: HeaderMap| refused(Refusal::NotFound, Cause::default(), &request))
        .with_state(Arc::new(state))
}
