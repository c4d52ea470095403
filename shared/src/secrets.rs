//! Secrets and where they come from.
//!
//! This module fetches text; what the text means is for `keys` and `users` to know.

mod secrets_manager;

use std::{fs::File, io::Read, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use secrets_manager::SecretsManager;

/// Where one secret comes from. `variable` is the variable that named the source,
/// for messages.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The variable held the secret itself.
    Value {
        /// The variable.
        variable: String,
        /// The secret.
        value: SecretString,
    },
    /// A file, such as a mounted Kubernetes Secret.
    File {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A secret in AWS Secrets Manager.
    SecretsManager {
        /// The variable.
        variable: String,
        /// Name or ARN.
        id: String,
    },
}

impl SecretSource {
    /// The variable that named this source.
    #[must_use]
    pub fn variable(&self) -> &str {
        let (Self::Value { variable, .. }
        | Self::File { variable, .. }
        | Self::SecretsManager { variable, .. }) = self;
        variable
    }

    /// What an operator calls this source: variable and file or secret name.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Value { variable, .. } => variable.clone(),
            Self::File { variable, path } => format!("{variable} (file {})", path.display()),
            Self::SecretsManager { variable, id } => format!("{variable} (secret {id})"),
        }
    }
}

/// A secret could not be had.
#[derive(Debug, Clone, Error)]
#[error("{source_name}: {reason}")]
pub struct SecretError {
    /// [`SecretSource::describe`].
    pub source_name: String,
    /// What is wrong and what to do; never the secret.
    pub reason: String,
}

/// No secret of ours is larger; a wrong path must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Fetches secrets. One value serves a whole process, so that the connection to
/// Secrets Manager is made once, and only where a secret is there.
#[derive(Debug, Default)]
pub struct Secrets {
    secrets_manager: SecretsManager,
}

impl Secrets {
    /// The text of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the file cannot be read or Secrets Manager does not give
    /// the secret within 8 s.
    pub async fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        let fetched = match source {
            SecretSource::Value { value, .. } => Ok(value.clone()),
            SecretSource::File { path, .. } => read_file(path)
                .map(|text| without_line_break(&text))
                .map_err(|error| error.to_string()),
            // Boxed: the SDK's futures are large, and rarely needed.
            SecretSource::SecretsManager { id, .. } => {
                let text = Box::pin(self.secrets_manager.get(id)).await;
                text.map(|text| without_line_break(text.expose_secret()))
            }
        };
        fetched.map_err(|reason| SecretError { source_name: source.describe(), reason })
    }
}

fn read_file(path: &PathBuf) -> std::io::Result<String> {
    let mut text = String::new();
    let bytes = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other("the file is larger than 64 KiB"));
    }
    Ok(text)
}

/// The text without the line break that editors and `echo` leave behind.
fn without_line_break(text: &str) -> SecretString {
    let text = text.strip_suffix('\n').unwrap_or(text);
    SecretString::from(text.strip_suffix('\r').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> SecretSource {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        SecretSource::File { variable: "X_FILE".into(), path }
    }

    #[tokio::test]
    async fn one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret() {
        for (content, secret) in
            [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            let source = file("line-break", content);
            assert_eq!(Secrets::default().fetch(&source).await.unwrap().expose_secret(), secret);
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_named_with_its_variable() {
        let missing = SecretSource::File { variable: "X_FILE".into(), path: "/no/such".into() };
        let large = file("large", &"x".repeat(64 * 1024 + 1));
        for source in [missing, large] {
            let error = Secrets::default().fetch(&source).await.unwrap_err().to_string();
            assert!(error.starts_with("X_FILE (file /"), "{error}");
        }
    }

    #[test]
    fn debug_does_not_show_a_secret() {
        let value = SecretSource::Value { variable: "X".into(), value: "canary".into() };
        assert!(!format!("{value:?}").contains("canary"));
    }
}
