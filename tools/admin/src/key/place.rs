//! Where a set of keys is: a file, or a secret in Secrets Manager.

mod file;
mod secret;

use std::{fmt::Display, fs::File, path::PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};
use secrecy::{ExposeSecret, SecretString};
use shared::{
    keys::{JwkSet, KeyKind},
    secrets::{SecretSource, Secrets},
};

use crate::answer::Failure;
use secret::{KeySecret, is_missing};

/// The service reads no larger file, and Secrets Manager takes no larger text. A file has
/// one more byte: its line break.
const MAX_BYTES: usize = 64 * 1024 - 1;

/// Where the keys are: exactly one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceOfKeys {
    /// The file with the keys
    ///
    /// It is replaced as a whole, behind a symbolic link its target. It keeps owner, group and
    /// mode, but others lose access. Of changes at the same time one waits for the other.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// The Secrets Manager secret with the keys, by name or ARN
    ///
    /// It is found by the standard AWS variables and files. Of changes at the same time one alone
    /// is made, and the others fail.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) secret_id: Option<String>,
}

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
    /// What is to be replaced, and nothing that came after it: the text of a file, or the id of
    /// a secret's version.
    pub(super) version: SecretString,
}

impl Place {
    /// The place that was given on the command line.
    pub(super) fn of(place: PlaceOfKeys) -> Result<Self, Failure> {
        match (place.file, place.secret_id) {
            (Some(path), None) => Ok(Self::File(path)),
            (None, Some(id)) => KeySecret::open(id)
                .map(|secret| Self::Secret(Box::new(secret)))
                .map_err(|error| Failure::because(error.reason)),
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
                (text.clone(), text)
            }
            Self::Secret(secret) => secret.current().await.map_err(|error| {
                let hint =
                    if is_missing(&error) { "; make it with: auth-admin key new" } else { "" };
                self.refuse(format!("{}{hint}", error.reason.trim_end_matches('.')))
            })?,
        };
        let set = JwkSet::read(&material).map_err(|error| self.refuse(error))?;
        Ok(Held { set, version })
    }

    /// The keys that are there, where there are any yet.
    pub(super) async fn find(&self) -> Result<Option<Held>, Failure> {
        let is_there = match self {
            Self::File(path) => path.try_exists().map_err(|error| self.refuse(error))?,
            Self::Secret(secret) => !secret.current().await.is_err_and(|error| is_missing(&error)),
        };
        if is_there { self.read().await.map(Some) } else { Ok(None) }
    }

    /// Waits until no other auth-admin changes the keys here; of a secret, that is seen when
    /// it is replaced.
    pub(super) fn lock(&self) -> Result<Option<File>, Failure> {
        match self {
            Self::File(path) if path.exists() => {
                file::lock(path).map(Some).map_err(|error| self.refuse(error))
            }
            _ => Ok(None),
        }
    }

    async fn read_file(&self) -> Result<SecretString, Failure> {
        let material = Secrets::default().fetch(&self.source()).await;
        material.map_err(|error| self.refuse(error.reason))
    }

    /// Writes the first keys, where there are none yet.
    pub(super) async fn create(&self, set: &JwkSet) -> Result<(), Failure> {
        let text = self.checked(set)?;
        match self {
            Self::File(path) => {
                let made = file::create(path, text, is_public(set));
                made.map_err(|error| self.refuse(error))
            }
            Self::Secret(secret) => secret.create(text).await.map_err(|error| self.refuse(error)),
        }
    }

    /// Writes other keys over those of `version`, if they are still there.
    pub(super) async fn replace(
        &self,
        version: &SecretString,
        set: &JwkSet,
    ) -> Result<(), Failure> {
        let (text, version) = (self.checked(set)?, version.expose_secret());
        match self {
            Self::File(path) => {
                if self.read_file().await?.expose_secret() != version {
                    return Err(self.refuse("it was changed meanwhile, so try again"));
                }
                let replaced = file::replace(path, text, is_public(set));
                replaced.map_err(|error| self.refuse(error))
            }
            Self::Secret(secret) => {
                secret.replace(version, text).await.map_err(|error| self.refuse(error))
            }
        }
    }

    /// Lets no instance verify with what was there before it was replaced: this version of a
    /// secret. Of a file nothing is left.
    pub(super) async fn forget(&self, version: &SecretString) -> Result<(), Failure> {
        let Self::Secret(secret) = self else { return Ok(()) };
        let version = version.expose_secret();
        secret.forget_previous(version).await.map_err(|error| {
            self.refuse(format!(
                "the keys were changed, but what was there before goes on verifying, since \
                 AWSPREVIOUS was not taken away: {error}; do it with: aws secretsmanager \
                 update-secret-version-stage --secret-id {id} --version-stage AWSPREVIOUS \
                 --remove-from-version-id {version}",
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

/// Whether everybody may read these keys.
fn is_public(set: &JwkSet) -> bool {
    set.kinds().all(|kind| kind == KeyKind::Public)
}
