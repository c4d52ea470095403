//! AWS Secrets Manager.

mod client;
mod failure;

pub use client::connect;
pub use failure::reason;

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::Stage;
pub(super) use failure::{Failure, NotFetched};

/// A client that is made at the first call: region, credentials and endpoint come
/// from the standard AWS variables and files.
#[derive(Debug, Default)]
pub(super) struct SecretsManager {
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// The text at this stage of the secret. Beside the current one, a stage may be absent,
    /// and one that we may not read counts as absent.
    pub(super) async fn get(
        &self,
        id: &str,
        stage: Stage,
    ) -> Result<Option<SecretString>, NotFetched> {
        match self.ask(id, stage).await {
            Ok(text) => Ok(Some(text)),
            Err(NotFetched { failure: Failure::NotFound, .. }) if stage != Stage::Current => {
                Ok(None)
            }
            Err(NotFetched { failure: Failure::Denied, reason }) if stage != Stage::Current => {
                tracing::warn!(?stage, reason, "this stage of a secret may not be read");
                Ok(None)
            }
            Err(not_fetched) => Err(not_fetched),
        }
    }

    async fn ask(&self, id: &str, stage: Stage) -> Result<SecretString, NotFetched> {
        let client = self.client.get_or_init(connect).await;
        if client.config().region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(NotFetched::permanent("no AWS region is configured; set AWS_REGION"));
        }
        let call = client.get_secret_value().secret_id(id).version_stage(stage.label());
        let answer = call.send().await.map_err(|error| NotFetched::because(&error))?;
        let text = answer.secret_string.map(SecretString::from);
        text.ok_or_else(|| NotFetched::permanent("the secret holds no text (SecretString)"))
    }
}
