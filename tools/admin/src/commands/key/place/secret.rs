//! Keys in a Secrets Manager secret.

use std::fmt::{self, Display};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::secrets::{
    secrets_manager::{CallError, Client, Failure},
    without_line_break,
};
use uuid::Uuid;

/// A secret, by name or ARN.
#[derive(Debug)]
pub(in crate::commands::key) struct KeySecret {
    id: String,
    client: Client,
}

/// Why there is no text.
#[derive(Debug)]
pub(super) struct NotRead {
    reason: String,
    /// There is no such secret, or it has no value.
    pub(super) missing: bool,
}

impl Display for NotRead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.trim_end_matches('.');
        let hint = if self.missing { "; make it with: auth-admin key new" } else { "" };
        write!(formatter, "{reason}{hint}")
    }
}

impl KeySecret {
    /// A secret that is reached by the standard AWS variables and files.
    pub(super) fn open(id: String) -> Result<Self, String> {
        let client = Client::connect().map_err(|error| error.reason)?;
        Ok(Self { id, client })
    }

    /// Its name or ARN.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What `AWSCURRENT` holds, read as the service reads it, and its version.
    pub(super) async fn current(&self) -> Result<(SecretString, String), NotRead> {
        self.stage("AWSCURRENT").await
    }

    async fn stage(&self, label: &str) -> Result<(SecretString, String), NotRead> {
        let input = json!({ "SecretId": self.id, "VersionStage": label });
        let answer: SecretValue = self.client.call("GetSecretValue", &input).await?;
        match (answer.secret_string, answer.version_id) {
            (Some(text), Some(version)) => Ok((without_line_break(text.expose_secret()), version)),
            _ => Err(NotRead {
                reason: "the secret holds no text (SecretString)".into(),
                missing: false,
            }),
        }
    }

    /// Makes the secret with this text; if it is there without a value, gives it this one.
    pub(super) async fn create(&self, text: &str) -> Result<(), String> {
        match self.current().await {
            Err(NotRead { missing: true, .. }) => {}
            Err(NotRead { reason, .. }) => return Err(reason),
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
        match self.write("CreateSecret", json!({ "Name": self.id, "SecretString": text })).await {
            Ok(_) => Ok(()),
            Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {
                self.put_first(text).await
            }
            Err(error) => Err(error.reason),
        }
    }

    /// Makes this text the first one.
    async fn put_first(&self, text: &str) -> Result<(), String> {
        let input = json!({ "SecretId": self.id, "SecretString": text });
        let version = self.write("PutSecretValue", input).await.map_err(|error| error.reason)?;
        match self.current().await {
            Ok((_, current)) if current == version => Ok(()),
            Ok(_) => Err("another value was written at the same time, and is current".into()),
            Err(error) => Err(error.reason),
        }
    }

    /// Makes this text current in the place of that version, if it still is: one step of
    /// Secrets Manager's, so that of changes at the same time one alone is made.
    pub(super) async fn replace(&self, version: &str, text: &str) -> Result<(), String> {
        let label = format!("auth-admin-{}", Uuid::new_v4());
        let input = json!({
            "SecretId": self.id, "SecretString": text, "VersionStages": [label],
        });
        let new = self.write("PutSecretValue", input).await.map_err(|error| error.reason)?;
        let moved = self.move_label("AWSCURRENT", version, Some(&new)).await;
        // Secrets Manager deletes a version without a label, and else ignores this one: where it
        // cannot be taken away, nothing is wrong with the keys.
        let _ = self.move_label(&label, &new, None).await;
        let Err(error) = moved else { return Ok(()) };
        // The answer to a move that was made may have been lost, and others may have built on it.
        let now = (self.stage("AWSCURRENT").await, self.stage("AWSPREVIOUS").await);
        let is_new = |stage: &Result<(SecretString, String), NotRead>| {
            stage.as_ref().is_ok_and(|(_, version)| *version == new)
        };
        match &now {
            (current, previous) if is_new(current) || is_new(previous) => Ok(()),
            (Ok((_, current)), Ok(_) | Err(NotRead { missing: true, .. })) => {
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

    async fn move_label(&self, label: &str, from: &str, to: Option<&str>) -> Result<(), CallError> {
        let mut input = json!({
            "SecretId": self.id, "VersionStage": label, "RemoveFromVersionId": from,
        });
        if let Some(to) = to {
            input["MoveToVersionId"] = to.into();
        }
        self.client.call::<Value>("UpdateSecretVersionStage", &input).await.map(drop)
    }

    /// Takes `AWSPREVIOUS` away from this version.
    pub(super) async fn forget_previous(&self, version: &str) -> Result<(), String> {
        let Err(error) = self.move_label("AWSPREVIOUS", version, None).await else { return Ok(()) };
        // A change that came behind this one has moved it already.
        match self.stage("AWSPREVIOUS").await {
            Ok((_, previous)) if previous != version => Ok(()),
            Err(NotRead { missing: true, .. }) => Ok(()),
            _ => Err(error.reason),
        }
    }

    /// Makes a version, and only one if the call is tried again; which one.
    async fn write(&self, operation: &str, mut input: Value) -> Result<String, CallError> {
        let version = Uuid::new_v4().to_string();
        input["ClientRequestToken"] = version.as_str().into();
        self.client.call::<Value>(operation, &input).await.map(|_| version)
    }
}

/// The parts of the answer to `GetSecretValue` that are of use here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<SecretString>,
    version_id: Option<String>,
}

impl From<CallError> for NotRead {
    fn from(error: CallError) -> Self {
        Self { reason: error.reason, missing: error.failure == Failure::NotFound }
    }
}
