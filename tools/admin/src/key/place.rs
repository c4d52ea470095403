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
use secret::KeySecret;

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
    pub(super) async fn of(PlaceOfKeys { file, secret_id }: PlaceOfKeys) -> Result<Self, Failure> {
        if let Some(path) = file {
            return Ok(Self::File(path));
        }
        let id = secret_id.unwrap_or_default();
        let secret = KeySecret::new(id.clone()).await;
        let failed = |reason| Failure::because(format!("secret {id}: {reason}"));
        secret.map(Box::new).map(Self::Secret).map_err(|error| failed(error.reason))
    }

    /// The same as a source of the service's configuration.
    pub(super) fn source(&self) -> SecretSource {
        let (variable, place) = match self {
            Self::File(path) => ("--file", SecretPlace::File(path.clone())),
            Self::Secret(secret) => ("--secret-id", SecretPlace::SecretsManager(secret.id.clone())),
        };
        SecretSource { variable, place }
    }

    /// The keys that are there.
    pub(super) async fn read(&self) -> Result<Held, Failure> {
        let missing = || self.refuse("is not there; make it with: auth-admin key new");
        self.find().await?.ok_or_else(missing)
    }

    /// The keys that are there, where there are any yet.
    async fn find(&self) -> Result<Option<Held>, Failure> {
        let (material, version) = match self {
            Self::File(path) if path.try_exists().map_err(|error| self.refuse(error))? => {
                let text = self.read_file().await?;
                (text.clone(), text)
            }
            Self::File(_) => return Ok(None),
            Self::Secret(secret) => {
                let current = secret.stage("AWSCURRENT").await;
                match current.map_err(|error| self.refuse(error.reason))? {
                    Some((text, version)) => (text, version.into()),
                    None => return Ok(None),
                }
            }
        };
        let set = JwkSet::read(&material).map_err(|error| self.refuse(error))?;
        Ok(Some(Held { set, version }))
    }

    async fn read_file(&self) -> Result<SecretString, Failure> {
        let material = Secrets::default().fetch(&self.source()).await;
        material.map_err(|error| self.refuse(error.reason))
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
    async fn write(&self, before: Option<&Held>, set: &JwkSet) -> Result<(), Failure> {
        let text = set.text().expose_secret();
        if text.len() > MAX_BYTES {
            return Err(self.refuse("would be larger than 64 KiB; retire a key first"));
        }
        let is_public = set.keys().iter().all(|key| key.kind == KeyKind::Public);
        let before = before.map(|held| held.version.expose_secret());
        match (self, before) {
            (Self::File(path), None) => {
                file::create(path, text, is_public).map_err(|error| self.refuse(error))
            }
            (Self::File(path), Some(before)) => {
                if self.read_file().await?.expose_secret() != before {
                    return Err(self.refuse("it was changed meanwhile, so try again"));
                }
                file::replace(path, text, is_public).map_err(|error| self.refuse(error))
            }
            (Self::Secret(secret), before) => {
                let written = match before {
                    None => secret.create(text).await,
                    Some(before) => secret.replace(before, text).await,
                };
                written.map_err(|error| self.refuse(error.reason))
            }
        }
    }

    /// Lets no instance verify with what was there before it was replaced: this version of a
    /// secret. Of a file nothing is left.
    async fn forget(&self, before: &Held) -> Result<(), Failure> {
        let Self::Secret(secret) = self else { return Ok(()) };
        let version = before.version.expose_secret();
        secret.forget_previous(version).await.map_err(|error| {
            self.refuse(format!(
                "the keys were changed, but what was there before goes on verifying, since \
                 AWSPREVIOUS was not taken away: {}; do it with: aws secretsmanager \
                 update-secret-version-stage --secret-id {} --version-stage AWSPREVIOUS \
                 --remove-from-version-id {version}",
                error.reason, secret.id,
            ))
        })
    }

    /// A failure that has to do with this place.
    pub(super) fn refuse(&self, reason: impl Display) -> Failure {
        Failure::because(match self {
            Self::File(path) => format!("{}: {reason}", path.display()),
            Self::Secret(secret) => format!("secret {}: {reason}", secret.id),
        })
    }
}

/// The keys of a place as they were read, and their public halves, to be changed.
#[derive(Debug)]
pub(super) struct Keyring {
    pub(super) place: Place,
    pub(super) held: Held,
    /// The place of the public halves, and what it holds, if anything yet.
    public: Option<(Place, Option<Held>)>,
    /// No other auth-admin changes the keys of a file meanwhile.
    _lock: Option<File>,
}

/// The places that were given on the command line: of the keys, and of their public halves.
async fn given(places: PlacesOfKeys) -> Result<(Place, Option<Place>), Failure> {
    let PlacesOfKeys { keys, public_file: file, public_secret_id: secret_id } = places;
    let public = match (&file, &secret_id) {
        (None, None) => None,
        _ => Some(Place::of(PlaceOfKeys { file, secret_id }).await?),
    };
    Ok((Place::of(keys).await?, public))
}

/// Writes the first keys, where there are none yet.
pub(super) async fn create(places: PlacesOfKeys, set: &JwkSet) -> Result<(), Failure> {
    let (place, public) = given(places).await?;
    let Some(public) = public else { return place.write(None, set).await };
    let halves = public_halves(set, &public)?;
    if public.find().await?.is_some() {
        return Err(public.refuse("holds keys already; for those, use: auth-admin key publish"));
    }
    place.write(None, set).await?;
    let created = match public.write(None, &halves).await {
        Ok(()) => check([&public, &place], set).await,
        Err(error) => Err(error),
    };
    created.map_err(|error| error.then(&format!("the keys were made; {PUBLISH}")))
}

/// Brings the public halves into step with the keys.
pub(super) async fn publish(places: PlacesOfKeys) -> Result<(), Failure> {
    let keyring = Keyring::read(places).await?;
    if keyring.public.is_none() {
        return Err(Failure::because("give either --public-file or --public-secret-id"));
    }
    keyring.write_public(&keyring.held.set).await?;
    keyring.forget_public().await?;
    keyring.check(&keyring.held.set).await
}

impl Keyring {
    /// The keys that are there, in step with their public halves.
    pub(super) async fn open(places: PlacesOfKeys) -> Result<Self, Failure> {
        let keyring = Self::read(places).await?;
        if let Some((place, Some(public))) = &keyring.public
            && !in_step(&public.set, &keyring.held.set)
        {
            return Err(place.refuse(format!(
                "these are not the public halves of the keys: another change is on its way, or \
                 was not finished; {PUBLISH}"
            )));
        }
        Ok(keyring)
    }

    /// In step or not.
    async fn read(places: PlacesOfKeys) -> Result<Self, Failure> {
        let (place, public) = given(places).await?;
        let lock = place.lock()?;
        let public_held = match &public {
            Some(place) => place.find().await?,
            None => None,
        };
        let public = public.map(|place| (place, public_held));
        let held = place.read().await?;
        if let Some((place, Some(public))) = &public
            // It may be the place of the keys themselves.
            && public.set.keys().iter().any(|key| key.kind != KeyKind::Public)
        {
            return Err(place.refuse("holds more than public keys, and is not written over"));
        }
        Ok(Self { place, held, public, _lock: lock })
    }

    /// Changes the keys, if they are still there, and gives what they are now, for
    /// [`check`](Self::check).
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut Vec<SecretString>),
    ) -> Result<JwkSet, Failure> {
        let set = self.held.set.edit(change).map_err(|error| self.place.refuse(error))?;
        self.write_public(&set).await?;
        let replaced = self.place.write(Some(&self.held), &set).await;
        replaced.map_err(|error| match &self.public {
            Some(_) => error.then(&format!("the public keys were written; {PUBLISH}")),
            None => error,
        })?;
        Ok(set)
    }

    /// Writes the public halves of `set` where they have a place.
    async fn write_public(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some((place, held)) = &self.public else { return Ok(()) };
        place.write(held.as_ref(), &public_halves(set, place)?).await
    }

    /// That both places hold these keys behind a change.
    pub(super) async fn check(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some((public, _)) = &self.public else { return Ok(()) };
        check([public, &self.place], set).await
    }

    /// Lets no instance verify with what was there before it was replaced. Both places are
    /// tried, whatever becomes of the first.
    pub(super) async fn forget(&self) -> Result<(), Failure> {
        both(self.forget_public().await, self.place.forget(&self.held).await)
    }

    async fn forget_public(&self) -> Result<(), Failure> {
        let Some((place, Some(held))) = &self.public else { return Ok(()) };
        place.forget(held).await
    }
}

/// That these places hold these keys behind a change.
async fn check(places: [&Place; 2], set: &JwkSet) -> Result<(), Failure> {
    for place in places {
        let now = place.read().await.map_err(|error| error.then(CHANGED))?;
        if !in_step(&now.set, set) {
            let reason = format!("holds other keys by now; {CHANGED}; {PUBLISH}");
            return Err(place.refuse(reason));
        }
    }
    Ok(())
}

/// The failures of two things that were both tried.
pub(super) fn both(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(one), Err(other)) => Err(other.reasons.into_iter().fold(one, Failure::and)),
        (one, other) => one.and(other),
    }
}

/// Whether two sets have the same public halves.
fn in_step(one: &JwkSet, other: &JwkSet) -> bool {
    one.keys().public_set() == other.keys().public_set()
}

/// What all may know of these keys.
fn public_halves(set: &JwkSet, place: &Place) -> Result<JwkSet, Failure> {
    if set.keys().iter().any(|key| key.kind == KeyKind::Symmetric) {
        return Err(Failure::because(
            "a shared secret (HS256) has no public half: retire it first, or let all functions \
             read the keys themselves",
        ));
    }
    JwkSet::read(&set.keys().public_set().into()).map_err(|error| place.refuse(error))
}
