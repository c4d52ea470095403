//! Where a set of keys is: a file, or a secret in Secrets Manager.

mod file;
mod secret;

use std::{fmt::Display, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use shared::{
    keys::JwkSet,
    secrets::{SecretSource, Secrets},
};

use crate::answer::Failure;
pub(super) use file::FileLock;
use secret::{KeySecret, NotRead};

/// The service reads no larger file, and Secrets Manager takes no larger text. A file has
/// one more byte: its line break.
const MAX_BYTES: usize = 64 * 1024 - 1;

/// A file or a secret.
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    Secret(Box<KeySecret>),
}

/// What a place holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) set: JwkSet,
    pub(super) version: Version,
}

/// What is to be replaced, and nothing that came after it.
#[derive(Debug)]
pub(super) enum Version {
    /// The text of a file.
    File(SecretString),
    /// The id of a secret's version.
    Secret(String),
}

impl Place {
    /// The place that was given on the command line: exactly one of the two.
    pub(super) fn of(file: Option<PathBuf>, secret_id: Option<String>) -> Result<Self, Failure> {
        match (file, secret_id) {
            (Some(path), None) => Ok(Self::File(path)),
            (None, Some(id)) => KeySecret::open(id)
                .map(|secret| Self::Secret(Box::new(secret)))
                .map_err(Failure::because),
            _ => Err(Failure::because("give either a file or a secret")),
        }
    }

    /// The same as a source of the service's configuration.
    pub(super) fn source(&self) -> SecretSource {
        match self {
            Self::File(path) => {
                SecretSource::File { variable: "--file".into(), path: path.clone() }
            }
            Self::Secret(secret) => {
                let id = secret.id().to_owned();
                SecretSource::SecretsManager { variable: "--secret-id".into(), id }
            }
        }
    }

    /// The keys that are there.
    pub(super) async fn read(&self) -> Result<Held, Failure> {
        let (material, version) = match self {
            Self::File(_) => {
                let text = self.read_file().await?;
                (text.clone(), Version::File(text))
            }
            Self::Secret(secret) => {
                let current = secret.current().await;
                let (material, version) = current.map_err(|error| self.refuse(error))?;
                (material, Version::Secret(version))
            }
        };
        Ok(Held { set: self.set(&material)?, version })
    }

    /// The keys that are there, where there are any yet.
    pub(super) async fn find(&self) -> Result<Option<Held>, Failure> {
        let is_there = match self {
            Self::File(path) => path.try_exists().map_err(|error| self.refuse(error))?,
            Self::Secret(secret) => {
                !matches!(secret.current().await, Err(NotRead { missing: true, .. }))
            }
        };
        if is_there { self.read().await.map(Some) } else { Ok(None) }
    }

    /// Waits until no other auth-admin changes the keys here; of a secret, that is seen when
    /// it is replaced.
    pub(super) async fn lock(&self) -> Result<Option<FileLock>, Failure> {
        match self {
            Self::File(path) if path.exists() => {
                FileLock::wait_for(path).await.map(Some).map_err(|error| self.refuse(error))
            }
            _ => Ok(None),
        }
    }

    async fn read_file(&self) -> Result<SecretString, Failure> {
        let material = Secrets::default().fetch(&self.source()).await;
        material.map_err(|error| self.refuse(error.reason))
    }

    fn set(&self, material: &SecretString) -> Result<JwkSet, Failure> {
        JwkSet::read(material).map_err(|error| self.refuse(error))
    }

    /// Writes the first keys, where there are none yet.
    pub(super) async fn create(&self, set: &JwkSet) -> Result<(), Failure> {
        let text = self.checked(set)?;
        match self {
            Self::File(path) => file::create(path, text).map_err(|error| self.refuse(error)),
            Self::Secret(secret) => secret.create(text).await.map_err(|error| self.refuse(error)),
        }
    }

    /// Writes other keys over those that `version` says, if they are still there.
    pub(super) async fn replace(&self, version: &Version, set: &JwkSet) -> Result<(), Failure> {
        let text = self.checked(set)?;
        match (self, version) {
            (Self::File(path), Version::File(before)) => {
                let now = self.read_file().await?;
                if now.expose_secret() != before.expose_secret() {
                    return Err(self.refuse("it was changed meanwhile, so try again"));
                }
                file::replace(path, text).map_err(|error| self.refuse(error))
            }
            (Self::Secret(secret), Version::Secret(version)) => {
                secret.replace(version, text).await.map_err(|error| self.refuse(error))
            }
            _ => Err(self.refuse("it was read from another place")),
        }
    }

    /// Lets nobody verify with what was there before it was replaced: this version of a
    /// secret. Of a file nothing is left.
    pub(super) async fn forget(&self, version: &Version) -> Result<(), Failure> {
        let (Self::Secret(secret), Version::Secret(version)) = (self, version) else {
            return Ok(());
        };
        secret.forget_previous(version).await.map_err(|error| {
            self.refuse(format!(
                "the key was removed, but AWSPREVIOUS, which still holds it, was not taken away: \
                 {error}; do it with: aws secretsmanager update-secret-version-stage --secret-id \
                 {id} --version-stage AWSPREVIOUS --remove-from-version-id {version}",
                id = secret.id(),
            ))
        })
    }

    /// A failure that has to do with this place.
    pub(super) fn refuse(&self, reason: impl Display) -> Failure {
        Failure::because(match self {
            Self::File(path) => format!("{}: {reason}", path.display()),
            Self::Secret(secret) => format!("secret {}: {reason}", secret.id()),
        })
    }

    fn checked<'a>(&self, set: &'a JwkSet) -> Result<&'a str, Failure> {
        let text = set.text().expose_secret();
        if text.len() > MAX_BYTES {
            return Err(self.refuse("would be larger than 64 KiB; retire a key first"));
        }
        Ok(text)
    }
}
