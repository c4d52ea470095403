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

use super::Stage;

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

/// Why there is no text.
pub(super) struct NotFetched {
    pub(super) reason: String,
    /// Whether it may be there if asked again.
    pub(super) transient: bool,
}

impl SecretsManager {
    /// The text at this stage of the secret; `None` where it has no such stage.
    pub(super) async fn get(
        &self,
        id: &str,
        stage: Stage,
    ) -> Result<Option<SecretString>, NotFetched> {
        let permanent = |reason: &str| NotFetched { reason: reason.into(), transient: false };
        let client = self.client.get_or_init(connect).await;
        if client.config().region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(permanent("no AWS region is configured; set AWS_REGION"));
        }
        let call = client.get_secret_value().secret_id(id).version_stage(stage.label()).send();
        // The SDK's own limit does not cover the search for credentials.
        let Ok(answer) = tokio::time::timeout(WHOLE_CALL, call).await else {
            let reason = "Secrets Manager did not answer within 8 s".to_owned();
            return Err(NotFetched { reason, transient: true });
        };
        match answer {
            Ok(answer) => match answer.secret_string {
                Some(text) => Ok(Some(text.into())),
                None => Err(permanent("the secret holds no text (SecretString)")),
            },
            Err(error) if stage != Stage::Current && is_not_found(&error) => Ok(None),
            Err(error) => {
                Err(NotFetched { reason: reason(&error), transient: is_transient(&error) })
            }
        }
    }
}

/// A secret without such a stage looks to the service like no secret.
fn is_not_found(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// The service was not reached, or was not able to answer. What it answers to a request
/// that it does not like (4xx) it will answer again, unless there were too many of them.
fn is_transient(error: &SdkError<GetSecretValueError>) -> bool {
    let Some(answered) = error.as_service_error() else { return true };
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    let throttled = answered.code().is_some_and(|code| code.contains("Throttl"));
    !refused || throttled
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
