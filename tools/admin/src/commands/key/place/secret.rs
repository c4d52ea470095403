//! Keys in a Secrets Manager secret.

use std::fmt::{self, Display};

use aws_sdk_secretsmanager::{
    Client,
    operation::{create_secret::CreateSecretError, get_secret_value::GetSecretValueError},
};
use secrecy::{ExposeSecret, SecretString};
use shared::secrets::{
    secrets_manager::{connect, reason},
    without_line_break,
};

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
    /// Connects to Secrets Manager by the standard AWS variables and files.
    pub(super) async fn open(id: String) -> Result<Self, String> {
        let client = connect().await;
        if client.config().region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err("no AWS region is configured; set AWS_REGION".into());
        }
        Ok(Self { id, client })
    }

    /// Its name or ARN.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What `AWSCURRENT` holds, read as the service reads it, and its version.
    pub(super) async fn current(&self) -> Result<(SecretString, String), NotRead> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| NotRead {
            reason: reason(&error),
            missing: error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception),
        })?;
        match (answer.secret_string.map(SecretString::from), answer.version_id) {
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
        let request = self.client.create_secret().name(&self.id).secret_string(text);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(CreateSecretError::ResourceExistsException(_)) => self.put(text).await,
                _ => Err(reason(&error)),
            },
        }
    }

    /// Makes this text current.
    pub(super) async fn put(&self, text: &str) -> Result<(), String> {
        let request = self.client.put_secret_value().secret_id(&self.id).secret_string(text);
        request.send().await.map(drop).map_err(|error| reason(&error))
    }

    /// Takes `AWSPREVIOUS` away from this version.
    pub(super) async fn forget_previous(&self, version: &str) -> Result<(), String> {
        let request = self.client.update_secret_version_stage().secret_id(&self.id);
        let request = request.version_stage("AWSPREVIOUS").remove_from_version_id(version);
        request.send().await.map(drop).map_err(|error| reason(&error))
    }
}
