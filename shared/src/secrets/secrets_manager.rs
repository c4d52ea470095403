//! AWS Secrets Manager, by AWS's SDK.

mod connections;
mod extension;
mod failure;

pub use aws_sdk_secretsmanager::Client;
pub use failure::{CallError, Failure};

use std::{env, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_secretsmanager::config::{
    Builder,
    retry::{RetryPartition, TokenBucket},
};
use aws_types::service_config::ServiceConfigKey;
use axum::http::Uri;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::Stage;
use connections::Connections;

/// An attempt that hangs leaves time for another one while a request waits.
const ONE_ATTEMPT: Duration = Duration::from_millis(1_500);
/// Before the second attempt, at most; twice as much before the third, which is the last.
const PAUSE: Duration = Duration::from_millis(100);

/// The extension or agent of AWS where one is announced, else the service itself.
#[derive(Debug)]
pub(super) struct SecretsManager {
    extension_port: Option<u16>,
    client: OnceCell<Client>,
}

impl SecretsManager {
    pub(super) fn new(extension_port: Option<u16>) -> Self {
        Self { extension_port, client: OnceCell::new() }
    }

    /// The text at this stage of the secret. Beside the current one, a stage may be absent,
    /// and one that we may not read, or that holds no text, counts as absent.
    pub(super) async fn get(
        &self,
        id: &str,
        stage: Stage,
    ) -> Result<Option<SecretString>, CallError> {
        match self.ask(id, stage).await {
            Ok(text) => Ok(Some(text)),
            Err(CallError { failure: Failure::NotFound, .. }) if stage != Stage::Current => {
                Ok(None)
            }
            Err(CallError { failure: Failure::Denied | Failure::Permanent, reason, .. })
                if stage != Stage::Current =>
            {
                tracing::warn!(?stage, reason, "this stage of a secret cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, id: &str, stage: Stage) -> Result<SecretString, CallError> {
        let text = if let Some(port) = self.extension_port {
            extension::get(port, id, stage).await?
        } else {
            let call = self.client.get_or_try_init(client).await?.get_secret_value();
            let answer = call.secret_id(id).version_stage(stage.label()).send().await?;
            answer.secret_string.map(SecretString::from)
        };
        text.ok_or_else(|| CallError::permanent("the secret holds no text (SecretString)"))
    }
}

/// A client of Secrets Manager, with region, endpoint and credentials from where all SDKs of
/// AWS look for them. It asks for credentials at its first call.
///
/// # Errors
///
/// [`CallError`] if no region is configured, or the endpoint is no URL.
pub async fn client() -> Result<Client, CallError> {
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(ONE_ATTEMPT);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(Connections::default())
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(PAUSE))
        .stalled_stream_protection(stalled.build());
    // The SDK takes an empty variable for a region.
    if let Some(region) = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(variable) {
        loader = loader.region(Region::new(region));
    }
    // A start does not build the whole chain where it would end at its first link. Lambda sets
    // no such variables where it starts from a snapshot.
    let on_lambda = variable("AWS_LAMBDA_RUNTIME_API").is_some();
    if on_lambda && variable("AWS_ACCESS_KEY_ID").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    let config = loader.load().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(CallError::permanent("no AWS region is configured; set AWS_REGION"));
    }
    let own = endpoint(&config, "Secrets Manager")?;
    // Those of the sources of credentials.
    for service in ["STS", "SSO", "SSO OIDC"] {
        endpoint(&config, service)?;
    }
    let mut builder = Builder::from(&config);
    builder.set_endpoint_url(own);
    // Each fetch has its three attempts, however many calls have failed before.
    let attempts = RetryPartition::custom("unlimited").token_bucket(TokenBucket::unlimited());
    builder.set_retry_partition(Some(attempts.build()));
    Ok(Client::from_conf(builder.build()))
}

/// The configured endpoint of a service, if there is one; an empty variable counts as unset. The
/// SDK panics at an empty one, and what makes no URL it refuses with a message that holds the whole
/// request, such as the token of a web identity.
fn endpoint(config: &SdkConfig, service: &'static str) -> Result<Option<String>, CallError> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all its parts are given");
    let found = config.service_config().and_then(|service| service.load_config(key));
    let found = if found.as_deref() == Some("") { variable("AWS_ENDPOINT_URL") } else { found };
    match found {
        Some(url) if url.parse().is_ok_and(|uri: Uri| uri.scheme().is_some()) => Ok(Some(url)),
        Some(_) => Err(CallError::permanent(&format!(
            "the endpoint of {service} makes no URL; see AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_{}",
            service.replace(' ', "_").to_uppercase()
        ))),
        None => Ok(None),
    }
}

/// A variable that is set, and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
