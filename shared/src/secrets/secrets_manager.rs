//! AWS Secrets Manager.

use std::{error::Error, time::Duration};

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use secrecy::SecretString;
use tokio::sync::OnceCell;

/// Shorter than the 10 s that Lambda gives a function to start.
const WHOLE_CALL: Duration = Duration::from_secs(8);
const ONE_ATTEMPT: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(2);

/// A client that is made at the first call: region, credentials and endpoint come
/// from the standard AWS variables and files.
#[derive(Debug, Default)]
pub(super) struct SecretsManager {
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// The secret's current text, or the reason why there is none.
    pub(super) async fn get(&self, id: &str) -> Result<SecretString, String> {
        let client = self.client.get_or_init(connect).await;
        if client.config().region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err("no AWS region is configured; set AWS_REGION".into());
        }
        // The SDK's own limit does not cover the search for credentials.
        let call = client.get_secret_value().secret_id(id).send();
        let answer = tokio::time::timeout(WHOLE_CALL, call)
            .await
            .map_err(|_| "Secrets Manager did not answer within 8 s".to_owned())?
            .map_err(|error| reason(&error))?;
        let text = answer.secret_string.ok_or("the secret holds no text (SecretString)")?;
        Ok(SecretString::from(text))
    }
}

async fn connect() -> Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ONE_ATTEMPT)
        .operation_timeout(WHOLE_CALL)
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limits).load();
    Client::new(&config.await)
}

/// What an operator needs to know: the service's own words where it answered, the
/// chain of causes where it did not.
fn reason(error: &SdkError<GetSecretValueError>) -> String {
    let (Some(answered), Some(response)) = (error.as_service_error(), error.raw_response()) else {
        let causes = causes(error).join(": ").replace("\n ", ";");
        return format!("Secrets Manager cannot be asked: {causes}");
    };
    format!(
        "Secrets Manager answered HTTP {} {}: {}",
        response.status().as_u16(),
        answered.code().unwrap_or("without a code"),
        answered.message().unwrap_or("no message"),
    )
}

/// The messages from the outermost to the innermost cause; many repeat their source.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages.dedup();
    messages
}
