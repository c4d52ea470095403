//! AWS Secrets Manager, by AWS's SDK.

mod extension;

pub use aws_sdk_secretsmanager::Client;

use std::{env, error::Error, iter, sync::LazyLock, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_secretsmanager::{
    config::{
        Builder,
        retry::{RetryPartition, TokenBucket},
    },
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_types::service_config::ServiceConfigKey;
use axum::http::Uri;
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::OnceCell;

use super::Stage;

/// The time limit of one attempt: shorter than a request waits, so that a second one may answer it.
const ONE_ATTEMPT: Duration = Duration::from_millis(1_500);
/// Leaves time for a second attempt while a request waits.
const CONNECT: Duration = Duration::from_secs(1);
/// The longest pause before the second attempt; twice as long before the third, the last one.
const PAUSE: Duration = Duration::from_millis(100);

/// A call to Secrets Manager failed.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct CallError {
    /// For an operator: the message of the service if it answered, else the chain of causes.
    pub reason: String,
    /// Whether a later call may succeed.
    pub transient: bool,
    /// The error code of the service, such as `ResourceExistsException`.
    pub code: Option<String>,
}

impl CallError {
    /// A permanent failure without a code.
    pub fn permanent(reason: &str) -> Self {
        Self { reason: reason.into(), transient: false, code: None }
    }

    /// Whether there is no such secret, or it has no such stage.
    pub fn is_not_found(&self) -> bool {
        !self.transient && self.code.as_deref() == Some("ResourceNotFoundException")
    }
}

impl<E: ProvideErrorMetadata + Error + 'static> From<SdkError<E>> for CallError {
    fn from(error: SdkError<E>) -> Self {
        let SdkError::ServiceError(refusal) = &error else {
            let reason = format!("Secrets Manager cannot be asked: {}", causes(&error));
            let transient = !matches!(error, SdkError::ConstructionFailure(_));
            return Self { reason, transient, code: None };
        };
        let (status, refusal) = (refusal.raw().status(), refusal.err());
        let reason = format!(
            "Secrets Manager answered HTTP {} {}: {}",
            status.as_u16(),
            refusal.code().unwrap_or("without a code"),
            refusal.message().unwrap_or("no message"),
        );
        // Too many requests, credentials that have just expired, a key of KMS that is unavailable.
        let passing = ["Throttl", "TooManyRequests", "LimitExceeded", "Expired", "Decryption"];
        let is_passing = |code: &str| passing.iter().any(|part| code.contains(part));
        let transient = !status.is_client_error() || refusal.code().is_some_and(is_passing);
        Self { reason, transient, code: refusal.code().map(str::to_owned) }
    }
}

/// The error and its sources, without repetitions. A message of the SDK that quotes a request is
/// left out, since its body may be a secret.
fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = iter::successors(Some(error), |&error| error.source());
    let mut messages: Vec<_> = chain.map(ToString::to_string).collect();
    messages.retain(|message| !message.contains("SdkBody"));
    messages.dedup();
    messages.join(": ")
}

/// The text at this stage of the secret: from AWS's extension or agent if its port is configured,
/// else from the service itself. A stage other than the current one may be missing, and counts as
/// missing if it cannot be read or holds no text.
pub(super) async fn get(
    shared_client: &OnceCell<Client>,
    extension_port: Option<u16>,
    id: &str,
    stage: Stage,
) -> Result<Option<SecretString>, CallError> {
    let ask = async {
        let text = if let Some(port) = extension_port {
            extension::get(port, id, stage).await?
        } else {
            let call = shared_client.get_or_try_init(client).await?.get_secret_value();
            let answer = call.secret_id(id).version_stage(stage.label()).send().await?;
            answer.secret_string.map(SecretString::from)
        };
        text.ok_or_else(|| CallError::permanent("the secret holds no text (SecretString)"))
    };
    match ask.await {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.transient || stage == Stage::Current => Err(error),
        Err(error) => {
            if !error.is_not_found() {
                let reason = error.reason;
                tracing::warn!(?stage, reason, "this stage of a secret cannot be read");
            }
            Ok(None)
        }
    }
}

/// A client of Secrets Manager, with region, endpoint and credentials from the standard sources of
/// AWS. It asks for credentials at its first call.
///
/// # Errors
///
/// [`CallError`] if no region is configured, or the endpoint is no URL.
pub async fn client() -> Result<Client, CallError> {
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(ONE_ATTEMPT);
    // Made at the first call, since that reads the CAs of the system, or of `SSL_CERT_FILE` and
    // `SSL_CERT_DIR`.
    let connector = LazyLock::new(connector);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(PAUSE))
        .stalled_stream_protection(stalled.build());
    // The SDK takes an empty variable for a region.
    if let Some(region) = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(variable) {
        loader = loader.region(Region::new(region));
    }
    // A start on Lambda is faster without the chain of all sources. With SnapStart, Lambda does not
    // set these variables.
    let on_lambda = variable("AWS_LAMBDA_RUNTIME_API").is_some();
    if on_lambda && variable("AWS_ACCESS_KEY_ID").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    let config = loader.load().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(CallError::permanent("no AWS region is configured; set AWS_REGION"));
    }
    let own = endpoint(&config, "Secrets Manager")?;
    // Those that credentials may come from.
    for service in ["STS", "SSO", "SSO OIDC"] {
        endpoint(&config, service)?;
    }
    let mut builder = Builder::from(&config);
    builder.set_endpoint_url(own);
    // Each call has its three attempts, even after many failures.
    let attempts = RetryPartition::custom("unlimited").token_bucket(TokenBucket::unlimited());
    builder.set_retry_partition(Some(attempts.build()));
    Ok(Client::from_conf(builder.build()))
}

/// Makes connections for the SDK and its sources of credentials. The SDK's own client asks no proxy
/// (<https://github.com/awslabs/aws-sdk-rust/issues/169>).
fn connector() -> SharedHttpConnector {
    let limits =
        HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(ONE_ATTEMPT);
    let connector = Connector::builder()
        .connector_settings(limits.build())
        // A connection that was idle during a freeze may be dead, so none is kept.
        .pool_max_idle_per_host(0)
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    SharedHttpConnector::new(connector.build())
}

/// The configured endpoint of a service, if there is one; an empty variable counts as unset. The
/// SDK panics at an empty endpoint, and its message for an invalid one quotes the whole request, such
/// as the token of a web identity.
fn endpoint(config: &SdkConfig, service: &'static str) -> Result<Option<String>, CallError> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all its parts are given");
    let found = config.service_config().and_then(|service| service.load_config(key));
    let found = if found.as_deref() == Some("") { variable("AWS_ENDPOINT_URL") } else { found };
    if found.as_ref().is_none_or(|url| url.parse().is_ok_and(|uri: Uri| uri.scheme().is_some())) {
        return Ok(found);
    }
    let own = service.replace(' ', "_").to_uppercase();
    Err(CallError::permanent(&format!(
        "the endpoint of {service} makes no URL; see AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_{own}"
    )))
}

/// A variable that is set, and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::sleep,
    };

    use super::*;

    #[tokio::test]
    async fn each_call_has_a_connection_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (connector, mut open) = (connector(), Vec::new());
        for _ in 0..3 {
            let call =
                async { connector.call(HttpRequest::get(&url).unwrap()).await.map_err(drop) };
            let answer = async {
                let (mut stream, _) = listener.accept().await.map_err(drop)?;
                let _ = stream.read(&mut [0; 1024]).await.map_err(drop)?;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.map(|()| stream).map_err(drop)
            };
            open.push(tokio::try_join!(call, answer).expect("a new connection").1);
            // Until the connection could be used again.
            sleep(Duration::from_millis(50)).await;
        }
    }

    #[test]
    fn the_reason_of_a_failed_call_leaves_out_the_request_that_the_sdk_quotes() {
        #[derive(Debug, Error)]
        #[error("dispatch failure")]
        struct Failed(#[source] io::Error);
        let mut request = HttpRequest::empty();
        *request.body_mut() = "WebIdentityToken=a-secret".into();
        let quoted = format!("no endpoint for {request:?}");
        assert!(quoted.contains("a-secret"), "the SDK quotes bodies");
        assert_eq!(causes(&Failed(io::Error::other(quoted))), "dispatch failure");
    }
}
