//! Where a set of keys is stored: in a file or in a secret of Secrets Manager. A second place may
//! have the public keys, for functions that only verify.
//!
//! A change is written to the public keys first, so that no function signs with a key that
//! `validate` does not have. The second of two concurrent changes fails at this write.

mod file;
mod secret;

use std::{fmt::Display, fs::File, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use shared::{
    config::{SecretPlace, SecretSource},
    keys::{JwkSet, KeyKind},
    secrets::{Secrets, secrets_manager::client},
};

use super::{PlaceOfKeys, PlacesOfKeys};
use crate::terminal::Failure;
use secret::KeySecret;

/// The functions read no larger file, and Secrets Manager stores no larger text. A file has one
/// more byte, its line break.
const MAX_BYTES: usize = 64 * 1024 - 1;
const PUBLISH: &str = "bring them into step with: auth-admin key publish";
const CHANGED: &str = "the keys were changed";

pub(super) enum Place {
    File(PathBuf),
    Secret(KeySecret),
}

/// The content of a place.
pub(super) struct StoredKeys {
    pub(super) set: JwkSet,
    /// Identifies the content, so that only this content is replaced: the text of a file, or the
    /// id of a secret's version.
    version: SecretString,
}

impl Place {
    /// The place from the command line.
    pub(super) async fn of(PlaceOfKeys { file, secret_id }: PlaceOfKeys) -> Result<Self, Failure> {
        if let Some(path) = file {
            return Ok(Self::File(path));
        }
        let id = secret_id.unwrap_or_default();
        match client().await {
            Ok(client) => Ok(Self::Secret(KeySecret { id, client })),
            Err(error) => Err(Failure::because(format!("secret {id}: {}", error.reason))),
        }
    }

    /// This place as a source in the configuration of a function.
    pub(super) fn source(&self) -> SecretSource {
        let (variable, place) = match self {
            Self::File(path) => ("--file", SecretPlace::File(path.clone())),
            Self::Secret(secret) => ("--secret-id", SecretPlace::SecretsManager(secret.id.clone())),
        };
        SecretSource { variable, place }
    }

    /// Reads the keys.
    pub(super) async fn read(&self) -> Result<StoredKeys, Failure> {
        let missing = || self.refuse("is not there; make it with: auth-admin key new");
        self.find().await?.ok_or_else(missing)
    }

    /// Reads the keys, if there are any.
    async fn find(&self) -> Result<Option<StoredKeys>, Failure> {
        let (material, version) = match self {
            Self::File(path) if self.named(path.try_exists())? => {
                let text = self.read_file().await?;
                (text.clone(), text)
            }
            Self::File(_) => return Ok(None),
            Self::Secret(secret) => match self.named(secret.stage("AWSCURRENT").await)? {
                Some((text, version)) => (text, version.into()),
                None => return Ok(None),
            },
        };
        Ok(Some(StoredKeys { set: self.named(JwkSet::read(&material))?, version }))
    }

    async fn read_file(&self) -> Result<SecretString, Failure> {
        let material = Secrets::default().fetch(&self.source()).await;
        self.named(material.map_err(|error| error.reason))
    }

    /// Locks a file against other runs of auth-admin. For a secret, a concurrent change is detected
    /// when it is replaced.
    fn lock(&self) -> Result<Option<File>, Failure> {
        match self {
            Self::File(path) if path.exists() => self.named(file::lock(path)).map(Some),
            _ => Ok(None),
        }
    }

    /// Replaces the keys, if they are still those of `before`; without `before` creates the first.
    async fn write(&self, before: Option<&StoredKeys>, set: &JwkSet) -> Result<(), Failure> {
        let text = set.text.expose_secret();
        if text.len() > MAX_BYTES {
            return Err(self.refuse("would be larger than 64 KiB; retire a key first"));
        }
        let is_public = set.keys.iter().all(|key| key.kind == KeyKind::Public);
        match (self, before.map(|stored| stored.version.expose_secret())) {
            (Self::File(path), None) => self.named(file::create(path, text, is_public)),
            (Self::File(path), Some(before)) => {
                if self.read_file().await?.expose_secret() != before {
                    return Err(self.refuse("it was changed meanwhile, so try again"));
                }
                self.named(file::replace(path, text, is_public))
            }
            (Self::Secret(secret), None) => self.named(secret.create(text).await),
            (Self::Secret(secret), Some(before)) => self.named(secret.replace(before, text).await),
        }
    }

    /// Removes `AWSPREVIOUS` from this version of a secret, so that its keys no longer verify. A
    /// replaced file leaves nothing.
    async fn forget(&self, before: &StoredKeys) -> Result<(), Failure> {
        let Self::Secret(secret) = self else { return Ok(()) };
        let version = before.version.expose_secret();
        self.named(secret.forget_previous(version).await.map_err(|error| {
            format!(
                "the keys were changed, but what was there before goes on verifying, since \
                 AWSPREVIOUS was not taken away: {error}; do it with: aws secretsmanager \
                 update-secret-version-stage --secret-id {} --version-stage AWSPREVIOUS \
                 --remove-from-version-id {version}",
                secret.id,
            )
        }))
    }

    /// A failure with the name of this place.
    pub(super) fn refuse(&self, reason: impl Display) -> Failure {
        Failure::because(match self {
            Self::File(path) => format!("{}: {reason}", path.display()),
            Self::Secret(secret) => format!("secret {}: {reason}", secret.id),
        })
    }

    /// Converts an error to a failure with the name of this place.
    pub(super) fn named<T>(&self, result: Result<T, impl Display>) -> Result<T, Failure> {
        result.map_err(|reason| self.refuse(reason))
    }
}

/// The keys of a place and their public keys as read, before a change.
pub(super) struct Keyring {
    pub(super) place: Place,
    pub(super) stored: StoredKeys,
    /// The place of the public keys, and its content, if there is any.
    public: Option<(Place, Option<StoredKeys>)>,
    /// Excludes concurrent changes of a file.
    _lock: Option<File>,
}

/// The place of the keys from the command line, and that of the public keys, if there is one.
async fn places_of(places: PlacesOfKeys) -> Result<(Place, Option<Place>), Failure> {
    let PlacesOfKeys { keys, public_file: file, public_secret_id: secret_id } = places;
    let public = match (&file, &secret_id) {
        (None, None) => None,
        _ => Some(Place::of(PlaceOfKeys { file, secret_id }).await?),
    };
    Ok((Place::of(keys).await?, public))
}

/// Writes the first keys of a place.
pub(super) async fn create(places: PlacesOfKeys, set: &JwkSet) -> Result<(), Failure> {
    let (place, public) = places_of(places).await?;
    let Some(public) = public else { return place.write(None, set).await };
    let public_keys = public_keys_of(set, &public)?;
    if public.find().await?.is_some() {
        return Err(public.refuse("holds keys already; for those, use: auth-admin key publish"));
    }
    place.write(None, set).await?;
    let created = public.write(None, &public_keys).await;
    created.map_err(|error| error.with_suffix(&format!("the keys were made; {PUBLISH}")))?;
    check([&public, &place], set).await
}

/// Writes the public keys that belong to the keys.
pub(super) async fn publish(places: PlacesOfKeys) -> Result<(), Failure> {
    let keyring = Keyring::open(places, false).await?;
    let Some((public, _)) = &keyring.public else {
        return Err(Failure::because("give either --public-file or --public-secret-id"));
    };
    keyring.write_public(&keyring.stored.set).await?;
    keyring.forget_public().await?;
    check([public, &keyring.place], &keyring.stored.set).await
}

impl Keyring {
    /// Reads the keys and the public keys. With `must_match` it fails unless they match.
    pub(super) async fn open(places: PlacesOfKeys, must_match: bool) -> Result<Self, Failure> {
        let (place, public) = places_of(places).await?;
        let lock = place.lock()?;
        let found = if let Some(place) = &public { place.find().await? } else { None };
        let public = public.map(|place| (place, found));
        let stored = place.read().await?;
        if let Some((place, Some(public))) = &public {
            // It may be the place of the private keys by mistake.
            if public.set.keys.iter().any(|key| key.kind != KeyKind::Public) {
                return Err(place.refuse("holds more than public keys, and is not written over"));
            }
            if must_match && !have_same_public_keys(&public.set, &stored.set) {
                return Err(place.refuse(format!(
                    "these are not the public halves of the keys: another change is on its way, \
                     or was not finished; {PUBLISH}"
                )));
            }
        }
        Ok(Self { place, stored, public, _lock: lock })
    }

    /// Changes the keys, if no other change came first, and returns the new ones. With `forgets`
    /// the old versions are removed from both places, even if one removal fails.
    pub(super) async fn change(
        &self,
        forgets: bool,
        change: impl FnOnce(&mut Vec<SecretString>),
    ) -> Result<JwkSet, Failure> {
        let set = self.place.named(self.stored.set.edit(change))?;
        self.write_public(&set).await?;
        let replaced = self.place.write(Some(&self.stored), &set).await;
        replaced.map_err(|error| match &self.public {
            Some(_) => error.with_suffix(&format!("the public keys were written; {PUBLISH}")),
            None => error,
        })?;
        let mut done = Ok(());
        if forgets {
            done = combine(self.forget_public().await, self.place.forget(&self.stored).await);
        }
        if let Some((public, _)) = &self.public {
            done = combine(done, check([public, &self.place], &set).await);
        }
        done.map(|()| set)
    }

    /// Writes the public keys of `set`, if there is a place for them.
    async fn write_public(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some((place, stored)) = &self.public else { return Ok(()) };
        place.write(stored.as_ref(), &public_keys_of(set, place)?).await
    }

    async fn forget_public(&self) -> Result<(), Failure> {
        let Some((place, Some(stored))) = &self.public else { return Ok(()) };
        place.forget(stored).await
    }
}

/// Checks after a change that both places have these keys.
async fn check(places: [&Place; 2], set: &JwkSet) -> Result<(), Failure> {
    for place in places {
        let now = place.read().await.map_err(|error| error.with_suffix(CHANGED))?;
        if !have_same_public_keys(&now.set, set) {
            let reason = format!("holds other keys by now; {CHANGED}; {PUBLISH}");
            return Err(place.refuse(reason));
        }
    }
    Ok(())
}

/// Combines the failures of two steps.
fn combine(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(one), Err(other)) => Err(one.with_reasons(other.reasons)),
        (one, other) => one.and(other),
    }
}

/// Whether two sets have the same public keys.
fn have_same_public_keys(one: &JwkSet, other: &JwkSet) -> bool {
    one.keys.public_set() == other.keys.public_set()
}

/// The public keys of a set.
fn public_keys_of(set: &JwkSet, place: &Place) -> Result<JwkSet, Failure> {
    if set.keys.iter().any(|key| key.kind == KeyKind::Symmetric) {
        return Err(Failure::because(
            "a shared secret (HS256) has no public half: retire it first, or let all functions \
             read the keys themselves",
        ));
    }
    place.named(JwkSet::read(&set.keys.public_set().into()))
}
