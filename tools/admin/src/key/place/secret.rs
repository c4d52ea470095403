//! Keys in a Secrets Manager secret.

use secrecy::{ExposeSecret, SecretString};
use shared::secrets::{
    secrets_manager::{self, CallError, Client, Failure},
    without_line_break,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A secret, by name or ARN.
#[derive(Debug)]
pub(in crate::key) struct KeySecret {
    id: String,
    client: OnceCell<Client>,
}

/// Whether there is no such secret, or it has no value.
pub(super) fn is_missing(error: &CallError) -> bool {
    error.failure == Failure::NotFound
}

impl KeySecret {
    /// A secret that is reached by the standard AWS variables and files.
    pub(super) fn new(id: String) -> Self {
        Self { id, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&Client, CallError> {
        self.client.get_or_try_init(secrets_manager::client).await
    }

    /// Its name or ARN.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What `AWSCURRENT` holds, read as the service reads it, and its version.
    pub(super) async fn current(&self) -> Result<(SecretString, SecretString), CallError> {
        self.stage("AWSCURRENT").await
    }

    async fn stage(&self, label: &str) -> Result<(SecretString, SecretString), CallError> {
        let call = self.client().await?.get_secret_value().secret_id(&self.id);
        let answer = call.version_stage(label).send().await?;
        match (answer.secret_string, answer.version_id) {
            (Some(text), Some(version)) => Ok((without_line_break(&text), version.into())),
            _ => Err(CallError::permanent("the secret holds no text (SecretString)")),
        }
    }

    /// Makes the secret with this text; if it is there without a value, gives it this one.
    pub(super) async fn create(&self, text: &str) -> Result<(), String> {
        match self.current().await {
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error.reason),
            Ok(_) => {
                return Err(
                    "has a value already; add a key to it with: auth-admin key rotate".into()
                );
            }
        }
        // A secret that is to be made has a name.
        if self.id.starts_with("arn:") {
            return self.put_first(text).await;
        }
        match self.make(text).await {
            Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {
                self.put_first(text).await
            }
            made => made.map_err(|error| error.reason),
        }
    }

    async fn make(&self, text: &str) -> Result<(), CallError> {
        let call = self.client().await?.create_secret().name(&self.id).secret_string(text);
        call.send().await?;
        Ok(())
    }

    /// Makes this text the first one.
    async fn put_first(&self, text: &str) -> Result<(), String> {
        let version = self.put(text, None).await.map_err(|error| error.reason)?;
        match self.current().await {
            Ok((_, current)) if current.expose_secret() == version => Ok(()),
            Ok(_) => Err("another value was written at the same time, and is current".into()),
            Err(error) => Err(error.reason),
        }
    }

    /// Makes a version with this label, or else the current one, and only one if the call is
    /// tried again; which one.
    async fn put(&self, text: &str, label: Option<&str>) -> Result<String, CallError> {
        let version = Uuid::new_v4().to_string();
        let call = self.client().await?.put_secret_value().secret_id(&self.id).secret_string(text);
        let labels = label.map(|label| vec![label.to_owned()]);
        call.client_request_token(&version).set_version_stages(labels).send().await?;
        Ok(version)
    }

    /// Makes this text current in the place of that version, if it still is: one step of
    /// Secrets Manager's, so that of changes at the same time one alone is made.
    pub(super) async fn replace(&self, version: &str, text: &str) -> Result<(), String> {
        let label = format!("auth-admin-{}", Uuid::new_v4());
        let new = self.put(text, Some(&label)).await.map_err(|error| error.reason)?;
        let moved = self.move_label("AWSCURRENT", version, Some(&new)).await;
        // Secrets Manager deletes a version without a label, and else ignores this one: where it
        // cannot be taken away, nothing is wrong with the keys.
        let _ = self.move_label(&label, &new, None).await;
        let Err(error) = moved else { return Ok(()) };
        // The answer to a move that was made may have been lost, and others may have built on it.
        let [current, previous] =
            [self.version("AWSCURRENT").await, self.version("AWSPREVIOUS").await];
        let is_new = |stage: &Result<Option<String>, CallError>| {
            stage.as_ref().is_ok_and(|version| version.as_ref() == Some(&new))
        };
        if is_new(&current) || is_new(&previous) {
            return Ok(());
        }
        match (current, previous) {
            (Ok(Some(current)), Ok(_)) => {
                let changed = current != version;
                let hint = if changed { "; it was changed meanwhile, so try again" } else { "" };
                Err(format!("nothing was changed: {}{hint}", error.reason))
            }
            _ => Err(format!(
                "whether it was changed is not known: {}; look with: auth-admin key list",
                error.reason
            )),
        }
    }

    /// The id of the version at this stage, if there is one.
    async fn version(&self, label: &str) -> Result<Option<String>, CallError> {
        match self.stage(label).await {
            Ok((_, version)) => Ok(Some(version.expose_secret().to_owned())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn move_label(&self, label: &str, from: &str, to: Option<&str>) -> Result<(), CallError> {
        let call = self.client().await?.update_secret_version_stage().secret_id(&self.id);
        let call = call.version_stage(label).remove_from_version_id(from);
        call.set_move_to_version_id(to.map(str::to_owned)).send().await?;
        Ok(())
    }

    /// Takes `AWSPREVIOUS` away from this version.
    pub(super) async fn forget_previous(&self, version: &str) -> Result<(), String> {
        let Err(error) = self.move_label("AWSPREVIOUS", version, None).await else { return Ok(()) };
        // A change that came behind this one has moved it already.
        match self.version("AWSPREVIOUS").await {
            Ok(previous) if previous.as_deref() != Some(version) => Ok(()),
            _ => Err(error.reason),
        }
    }
}
