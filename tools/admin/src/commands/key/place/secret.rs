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
    missing: bool,
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
        let input = json!({ "SecretId": self.id });
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
            return self.put(text).await;
        }
        match self.write("CreateSecret", json!({ "Name": self.id, "SecretString": text })).await {
            Ok(()) => Ok(()),
            Err(error) if error.code.as_deref() == Some("ResourceExistsException") => {
                self.put(text).await
            }
            Err(error) => Err(error.reason),
        }
    }

    /// Makes this text current.
    pub(super) async fn put(&self, text: &str) -> Result<(), String> {
        let input = json!({ "SecretId": self.id, "SecretString": text });
        self.write("PutSecretValue", input).await.map_err(|error| error.reason)
    }

    /// Takes `AWSPREVIOUS` away from this version.
    pub(super) async fn forget_previous(&self, version: &str) -> Result<(), String> {
        let input = json!({
            "SecretId": self.id, "VersionStage": "AWSPREVIOUS", "RemoveFromVersionId": version,
        });
        let answer = self.client.call::<Value>("UpdateSecretVersionStage", &input).await;
        answer.map(drop).map_err(|error| error.reason)
    }

    /// Makes a version, and only one if the call is tried again.
    async fn write(&self, operation: &str, mut input: Value) -> Result<(), CallError> {
        input["ClientRequestToken"] = Uuid::new_v4().to_string().into();
        self.client.call::<Value>(operation, &input).await.map(drop)
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
