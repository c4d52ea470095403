//! Where a set of keys is: a file, or a secret in Secrets Manager.

mod file;
mod secret;

use std::{fmt::Display, path::PathBuf};

use secrecy::ExposeSecret;
use shared::{
    keys::JwkSet,
    secrets::{SecretSource, Secrets},
};

use crate::{answer::Failure, cli::PlaceOfKeys};
use secret::KeySecret;

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
    /// Which version of a secret this is.
    pub(super) version: Option<String>,
}

impl Place {
    /// The place that was given on the command line.
    pub(super) fn of(given: PlaceOfKeys) -> Result<Self, Failure> {
        match (given.file, given.secret_id) {
            (Some(path), None) => Ok(Self::File(path)),
            (None, Some(id)) => KeySecret::open(id)
                .map(|secret| Self::Secret(Box::new(secret)))
                .map_err(Failure::because),
            _ => Err(Failure::because("give either --file or --secret-id")),
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
                let material = Secrets::default().fetch(&self.source()).await;
                (material.map_err(|error| self.refuse(error.reason))?, None)
            }
            Self::Secret(secret) => {
                let current = secret.current().await;
                let (material, version) = current.map_err(|error| self.refuse(error))?;
                (material, Some(version))
            }
        };
        let set = JwkSet::read(&material).map_err(|error| self.refuse(error))?;
        Ok(Held { set, version })
    }

    /// Writes the first keys, where there are none yet.
    pub(super) async fn create(&self, set: &JwkSet) -> Result<(), Failure> {
        let text = self.checked(set)?;
        match self {
            Self::File(path) => file::create(path, text).map_err(|error| self.refuse(error)),
            Self::Secret(secret) => secret.create(text).await.map_err(|error| self.refuse(error)),
        }
    }

    /// Writes other keys over those that are there.
    pub(super) async fn replace(&self, set: &JwkSet) -> Result<(), Failure> {
        let text = self.checked(set)?;
        match self {
            Self::File(path) => file::replace(path, text).map_err(|error| self.refuse(error)),
            Self::Secret(secret) => secret.put(text).await.map_err(|error| self.refuse(error)),
        }
    }

    /// Lets nobody verify with what was there before it was replaced: this version of a
    /// secret. Of a file nothing is left.
    pub(super) async fn forget(&self, version: Option<String>) -> Result<(), Failure> {
        let (Self::Secret(secret), Some(version)) = (self, version) else { return Ok(()) };
        secret.forget_previous(&version).await.map_err(|error| {
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
