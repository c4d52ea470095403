//! AWS Secrets Manager.

mod client;
mod credentials;
mod endpoint;
mod extension;
mod failure;
mod https;

pub use client::Client;
pub use failure::{CallError, Failure};

use std::{future::Future, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, time};

use super::Stage;
use extension::Extension;

/// An attempt that hangs leaves time for another one while a request waits.
const ONE_ATTEMPT: Duration = Duration::from_millis(1_500);
/// Before the second attempt and the third, which is the last.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Who is asked for secrets, found out at the first call: the extension or agent of AWS
/// where one is announced, else the service itself.
#[derive(Debug)]
pub(super) struct SecretsManager {
    extension_port: Option<u16>,
    source: OnceCell<Source>,
}

#[derive(Debug)]
enum Source {
    Service(Box<Client>),
    Extension(Extension),
}

/// The part of the answer to `GetSecretValue` that is of use here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<SecretString>,
}

impl SecretsManager {
    pub(super) fn new(extension_port: Option<u16>) -> Self {
        Self { extension_port, source: OnceCell::new() }
    }

    /// The text at this stage of the secret. Beside the current one, a stage may be absent,
    /// and one that we may not read counts as absent.
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
            Err(CallError { failure: Failure::Denied, reason, .. }) if stage != Stage::Current => {
                tracing::warn!(?stage, reason, "this stage of a secret may not be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, id: &str, stage: Stage) -> Result<SecretString, CallError> {
        let value = match self.source.get_or_try_init(async || self.find()).await? {
            Source::Service(client) => client.get_secret_value(id, stage).await?,
            Source::Extension(extension) => {
                patiently(|| extension.get_secret_value(id, stage)).await?
            }
        };
        value
            .secret_string
            .ok_or_else(|| CallError::permanent("the secret holds no text (SecretString)"))
    }

    fn find(&self) -> Result<Source, CallError> {
        match self.extension_port {
            Some(port) => Ok(Source::Extension(Extension::new(port))),
            None => Ok(Source::Service(Box::new(Client::connect()?))),
        }
    }
}

impl Client {
    async fn get_secret_value(&self, id: &str, stage: Stage) -> Result<SecretValue, CallError> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct GetSecretValue<'a> {
            secret_id: &'a str,
            version_stage: &'static str,
        }
        let input = GetSecretValue { secret_id: id, version_stage: stage.label() };
        self.call("GetSecretValue", &input).await
    }
}

/// Attempts until one goes well, fails for good, or is the last. Each is given up after
/// 1.5 s.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        let limited = time::timeout(ONE_ATTEMPT, attempt()).await;
        let ended =
            limited.unwrap_or_else(|_| Err(CallError::unanswered("no answer within 1.5 s")));
        match (ended, pauses.next()) {
            (Err(CallError { failure: Failure::Transient, .. }), Some(pause)) => {
                time::sleep(pause).await;
            }
            (ended, _) => return ended,
        }
    }
}
