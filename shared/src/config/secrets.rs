//! The sources of secrets, and when they are refreshed.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::Reader;

/// Where one secret comes from.
#[derive(Debug, Clone)]
pub struct SecretSource {
    /// The variable that named it, for messages.
    pub variable: &'static str,
    /// Where it is.
    pub place: SecretPlace,
}

/// Where a secret is.
#[derive(Debug, Clone)]
pub enum SecretPlace {
    /// The variable held the secret itself.
    Value(SecretString),
    /// In a file, such as a mounted Kubernetes Secret.
    File(PathBuf),
    /// In AWS Secrets Manager, under this name or ARN.
    SecretsManager(String),
}

impl SecretSource {
    /// Reads where the keys of tokens are: `JWT_SECRET`, `JWT_SECRET_FILE` or `JWT_SECRET_ID`.
    pub fn of_keys(reader: &mut Reader<'_>) -> Self {
        let missing = "is not set; give the signing key in JWT_SECRET, in a file named by \
                       JWT_SECRET_FILE, or in Secrets Manager by JWT_SECRET_ID";
        reader.secret(&["JWT_SECRET", "JWT_SECRET_FILE", "JWT_SECRET_ID"], missing)
    }

    /// The variable, and the name of the file or secret, for messages.
    pub fn describe(&self) -> String {
        let variable = self.variable;
        match &self.place {
            SecretPlace::Value(_) => variable.to_owned(),
            SecretPlace::File(path) => format!("{variable} (file {})", path.display()),
            SecretPlace::SecretsManager(id) => format!("{variable} (secret {id})"),
        }
    }
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SecretKind {
    /// The keys of tokens.
    Jwt,
    /// The account of the database.
    Database,
}

impl SecretKind {
    /// The name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Database => "database",
        }
    }
}

/// How secrets are fetched.
#[derive(Debug, Clone, Copy)]
pub struct SecretsConfig {
    /// `SECRET_REFRESH_SECONDS`: the age at which a secret is fetched again.
    pub max_age: Duration,
    /// `PARAMETERS_SECRETS_EXTENSION_HTTP_PORT`: the port of AWS's extension or agent for secrets.
    pub extension_port: Option<u16>,
}

impl SecretsConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        // At most a day: a key that was removed would be trusted for so long.
        let max_age = reader.number("SECRET_REFRESH_SECONDS", 1..=86_400);
        Self {
            max_age: Duration::from_secs(max_age),
            extension_port: reader.parsed("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "a port"),
        }
    }
}
