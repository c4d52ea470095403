//! Keys in a Secrets Manager secret.

use secrecy::SecretString;
use shared::secrets::{
    secrets_manager::{CallError, Client},
    without_line_break,
};
use uuid::Uuid;

/// A secret, by name or ARN.
pub(in crate::key) struct KeySecret {
    pub(super) id: String,
    pub(super) client: Client,
}

impl KeySecret {
    /// Reads the text with this label, like the functions do, and the id of its version; `None` if
    /// the secret or the label does not exist.
    pub(super) async fn stage(
        &self,
        label: &str,
    ) -> Result<Option<(SecretString, String)>, CallError> {
        let call = self.client.get_secret_value().secret_id(&self.id).version_stage(label);
        let answer = match call.send().await.map_err(CallError::from) {
            Err(error) if error.is_not_found() => return Ok(None),
            answer => answer?,
        };
        match (answer.secret_string, answer.version_id) {
            (Some(text), Some(version)) => Ok(Some((without_line_break(&text), version))),
            _ => Err(CallError::permanent("the secret holds no text (SecretString)")),
        }
    }

    /// Creates the secret with this text; if it exists without a value, sets the value.
    pub(super) async fn create(&self, text: &str) -> Result<(), CallError> {
        if self.stage("AWSCURRENT").await?.is_some() {
            let reason = "has a value already; add a key to it with: auth-admin key rotate";
            return Err(CallError::permanent(reason));
        }
        // A secret cannot be created by its ARN.
        if !self.id.starts_with("arn:") {
            let call = self.client.create_secret().name(&self.id).secret_string(text);
            match call.send().await.map_err(CallError::from) {
                Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {}
                made => return made.map(drop),
            }
        }
        let version = self.put(text, None).await?;
        if self.version("AWSCURRENT").await? == Some(version) {
            return Ok(());
        }
        Err(CallError::permanent("another value was written at the same time, and is current"))
    }

    /// Writes a version with this label, or with `AWSCURRENT`, and returns its id. The token makes
    /// retries idempotent.
    async fn put(&self, text: &str, label: Option<&str>) -> Result<String, CallError> {
        let version = Uuid::new_v4().to_string();
        let call = self.client.put_secret_value().secret_id(&self.id).secret_string(text);
        let labels = label.map(|label| vec![label.to_owned()]);
        call.client_request_token(&version).set_version_stages(labels).send().await?;
        Ok(version)
    }

    /// Replaces the current version by this text. Secrets Manager moves the label in one step and
    /// only from this version, so that of concurrent changes one succeeds.
    pub(super) async fn replace(&self, version: &str, text: &str) -> Result<(), CallError> {
        let label = format!("auth-admin-{}", Uuid::new_v4());
        let new = self.put(text, Some(&label)).await?;
        let moved = self.move_label("AWSCURRENT", version, Some(&new)).await;
        // Secrets Manager deletes a version without labels. If the removal fails, this label has
        // no effect.
        let _ = self.move_label(&label, &new, None).await;
        let Err(reason) = moved else { return Ok(()) };
        // The move may have succeeded although its answer was lost, and others may have followed.
        let current = self.version("AWSCURRENT").await;
        Err(CallError::permanent(&match (current, self.version("AWSPREVIOUS").await) {
            (Ok(Some(stage)), _) | (_, Ok(Some(stage))) if stage == new => return Ok(()),
            (Ok(Some(current)), Ok(_)) => {
                let meanwhile = "; it was changed meanwhile, so try again";
                let meanwhile = if current == version { "" } else { meanwhile };
                format!("nothing was changed: {reason}{meanwhile}")
            }
            _ => format!(
                "whether it was changed is not known: {reason}; look with: auth-admin key list"
            ),
        }))
    }

    /// The id of the version with this label, if there is one.
    async fn version(&self, label: &str) -> Result<Option<String>, CallError> {
        Ok(self.stage(label).await?.map(|(_, version)| version))
    }

    async fn move_label(&self, label: &str, from: &str, to: Option<&str>) -> Result<(), CallError> {
        let call = self.client.update_secret_version_stage().secret_id(&self.id);
        let call = call.version_stage(label).remove_from_version_id(from);
        call.set_move_to_version_id(to.map(str::to_owned)).send().await?;
        Ok(())
    }

    /// Removes `AWSPREVIOUS` from this version.
    pub(super) async fn forget_previous(&self, version: &str) -> Result<(), CallError> {
        let Err(error) = self.move_label("AWSPREVIOUS", version, None).await else { return Ok(()) };
        // A later change may have moved the label already.
        match self.version("AWSPREVIOUS").await {
            Ok(previous) if previous.as_deref() != Some(version) => Ok(()),
            _ => Err(error),
        }
    }
}
