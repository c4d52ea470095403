//! Where a set of keys is: a file, or a secret in Secrets Manager, and beside it the place of
//! the public halves, which is all that those who only verify may read.
//!
//! A change is written to the public halves first: nothing signs with a key that `validate`
//! does not have, and of two changes at the same time the second one ends there.

mod file;
mod secret;

use std::{fmt::Display, fs::File, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use shared::{
    config::{SecretPlace, SecretSource},
    keys::{JwkSet, KeyKind},
    secrets::Secrets,
};

use super::{PlaceOfKeys, PlacesOfKeys};
use crate::answer::Failure;
use secret::{KeySecret, is_missing};

/// The service reads no larger file, and Secrets Manager takes no larger text. A file has
/// one more byte: its line break.
const MAX_BYTES: usize = 64 * 1024 - 1;
const PUBLISH: &str = "bring them into step with: auth-admin key publish";
const CHANGED: &str = "the keys were changed";

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
    version: SecretString,
}

impl Place {
    /// The place that was given on the command line.
    pub(super) fn of(place: PlaceOfKeys) -> Result<Self, Failure> {
        match (place.file, place.secret_id) {
            (Some(path), None) => Ok(Self::File(path)),
            (None, Some(id)) => Ok(Self::Secret(Box::new(KeySecret::new(id)))),
            _ => Err(Failure::because("give either a file or a secret")),
        }
    }

    /// The same as a source of the service's configuration.
    pub(super) fn source(&self) -> SecretSource {
        let (variable, place) = match self {
            Self::File(path) => ("--file", SecretPlace::File(path.clone())),
            Self::Secret(secret) => {
                ("--secret-id", SecretPlace::SecretsManager(secret.id().to_owned()))
            }
        };
        SecretSource { variable, place }
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

    async fn read_file(&self) -> Result<SecretString, Failure> {
        let material = Secrets::default().fetch(&self.source()).await;
        material.map_err(|error| self.refuse(error.reason))
    }

    /// The keys that are there, where there are any yet.
    async fn find(&self) -> Result<Option<Held>, Failure> {
        let is_there = match self {
            Self::File(path) => path.try_exists().map_err(|error| self.refuse(error))?,
            Self::Secret(secret) => !secret.current().await.is_err_and(|error| is_missing(&error)),
        };
        if is_there { self.read().await.map(Some) } else { Ok(None) }
    }

    /// Waits until no other auth-admin changes the keys here; of a secret, that is seen when
    /// it is replaced.
    fn lock(&self) -> Result<Option<File>, Failure> {
        match self {
            Self::File(path) if path.exists() => {
                file::lock(path).map(Some).map_err(|error| self.refuse(error))
            }
            _ => Ok(None),
        }
    }

    /// Writes keys in the place of those that were held, if they are still there; the first ones,
    /// where none were held and none are there.
    async fn write(&self, before: Option<&SecretString>, set: &JwkSet) -> Result<(), Failure> {
        let text = set.text().expose_secret();
        if text.len() > MAX_BYTES {
            return Err(self.refuse("would be larger than 64 KiB; retire a key first"));
        }
        let is_public = set.keys().iter().all(|key| key.kind() == KeyKind::Public);
        let before = before.map(ExposeSecret::expose_secret);
        let written = match (self, before) {
            (Self::File(path), None) => {
                file::create(path, text, is_public).map_err(|error| error.to_string())
            }
            (Self::File(path), Some(before)) => {
                if self.read_file().await?.expose_secret() != before {
                    return Err(self.refuse("it was changed meanwhile, so try again"));
                }
                file::replace(path, text, is_public).map_err(|error| error.to_string())
            }
            (Self::Secret(secret), None) => secret.create(text).await,
            (Self::Secret(secret), Some(before)) => secret.replace(before, text).await,
        };
        written.map_err(|error| self.refuse(error))
    }

    /// Lets no instance verify with what was there before it was replaced: this version of a
    /// secret. Of a file nothing is left.
    async fn forget(&self, version: &SecretString) -> Result<(), Failure> {
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
}

#[derive(Debug)]
pub(super) struct Places {
    keys: Place,
    public: Option<Place>,
}

/// What the places hold, to be changed.
#[derive(Debug)]
pub(super) struct Keyring {
    pub(super) set: JwkSet,
    version: SecretString,
    /// `None` where there is none yet, or no place for it.
    public: Option<Held>,
    /// No other auth-admin changes the keys of a file meanwhile.
    _lock: Option<File>,
}

impl Places {
    /// The places that were given on the command line.
    pub(super) fn of(places: PlacesOfKeys) -> Result<Self, Failure> {
        let PlacesOfKeys { keys, public_file: file, public_secret_id: secret_id } = places;
        let is_given = file.is_some() || secret_id.is_some();
        let public = is_given.then(|| Place::of(PlaceOfKeys { file, secret_id })).transpose()?;
        Ok(Self { keys: Place::of(keys)?, public })
    }

    /// A failure that has to do with the keys.
    pub(super) fn refuse(&self, reason: impl Display) -> Failure {
        self.keys.refuse(reason)
    }

    /// Writes the first keys, where there are none yet.
    pub(super) async fn create(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some(public) = &self.public else { return self.keys.write(None, set).await };
        let halves = public_halves(set, public)?;
        if public.find().await?.is_some() {
            return Err(public.refuse("holds keys already; for those, use: auth-admin key publish"));
        }
        self.keys.write(None, set).await?;
        let created = match public.write(None, &halves).await {
            Ok(()) => self.check(set).await,
            Err(error) => Err(error),
        };
        created.map_err(|error| error.then(&format!("the keys were made; {PUBLISH}")))
    }

    /// The keys that are there, in step with their public halves.
    pub(super) async fn hold(&self) -> Result<Keyring, Failure> {
        let keyring = self.hold_in_any_state().await?;
        if let (Some(place), Some(held)) = (&self.public, &keyring.public)
            && held.set.keys().public_set() != keyring.set.keys().public_set()
        {
            return Err(place.refuse(format!(
                "these are not the public halves of the keys: another change is on its way, or \
                 was not finished; {PUBLISH}"
            )));
        }
        Ok(keyring)
    }

    async fn hold_in_any_state(&self) -> Result<Keyring, Failure> {
        let lock = self.keys.lock()?;
        let public = match &self.public {
            None => None,
            Some(place) => place.find().await?,
        };
        let Held { set, version } = self.keys.read().await?;
        if let (Some(place), Some(held)) = (&self.public, &public) {
            // It may be the place of the keys themselves.
            if held.set.keys().iter().any(|key| key.kind() != KeyKind::Public) {
                return Err(place.refuse("holds more than public keys, and is not written over"));
            }
        }
        Ok(Keyring { set, version, public, _lock: lock })
    }

    /// Changes the keys of `keyring`, if they are still there, and gives what they are now,
    /// for [`check`](Self::check).
    pub(super) async fn change(
        &self,
        keyring: &Keyring,
        change: impl FnOnce(&mut Vec<SecretString>),
    ) -> Result<JwkSet, Failure> {
        let set = keyring.set.edit(change).map_err(|error| self.refuse(error))?;
        self.write_public(keyring, &set).await?;
        let replaced = self.keys.write(Some(&keyring.version), &set).await;
        replaced.map_err(|error| match &self.public {
            Some(_) => error.then(&format!("the public keys were written; {PUBLISH}")),
            None => error,
        })?;
        Ok(set)
    }

    /// Writes the public halves of `set` where they have a place.
    async fn write_public(&self, keyring: &Keyring, set: &JwkSet) -> Result<(), Failure> {
        let Some(place) = &self.public else { return Ok(()) };
        let before = keyring.public.as_ref().map(|held| &held.version);
        place.write(before, &public_halves(set, place)?).await
    }

    /// That both places hold these keys behind a change.
    pub(super) async fn check(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some(public) = &self.public else { return Ok(()) };
        for place in [public, &self.keys] {
            let now = place.read().await.map_err(|error| error.then(CHANGED))?;
            if now.set.keys().public_set() != set.keys().public_set() {
                let reason = format!("holds other keys by now; {CHANGED}; {PUBLISH}");
                return Err(place.refuse(reason));
            }
        }
        Ok(())
    }

    /// Lets no instance verify with what was there before it was replaced. Both places are
    /// tried, whatever becomes of the first.
    pub(super) async fn forget(&self, keyring: &Keyring) -> Result<(), Failure> {
        both(self.forget_public(keyring).await, self.keys.forget(&keyring.version).await)
    }

    async fn forget_public(&self, keyring: &Keyring) -> Result<(), Failure> {
        match (&self.public, &keyring.public) {
            (Some(place), Some(held)) => place.forget(&held.version).await,
            _ => Ok(()),
        }
    }

    /// Brings the public halves into step with the keys.
    pub(super) async fn publish(&self) -> Result<(), Failure> {
        if self.public.is_none() {
            return Err(Failure::because("give either --public-file or --public-secret-id"));
        }
        let keyring = self.hold_in_any_state().await?;
        self.write_public(&keyring, &keyring.set).await?;
        self.forget_public(&keyring).await?;
        self.check(&keyring.set).await
    }
}

/// The failures of two things that were both tried.
pub(super) fn both(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(one), Err(other)) => Err(other.reasons.into_iter().fold(one, Failure::and)),
        (one, other) => one.and(other),
    }
}

/// What all may know of these keys.
fn public_halves(set: &JwkSet, place: &Place) -> Result<JwkSet, Failure> {
    if set.keys().iter().any(|key| key.kind() == KeyKind::Symmetric) {
        return Err(Failure::because(
            "a shared secret (HS256) has no public half: retire it first, or let all functions \
             read the keys themselves",
        ));
    }
    JwkSet::read(&set.keys().public_set().into()).map_err(|error| place.refuse(error))
}
