//! The place of the keys, and beside it the one of their public halves, which is all that
//! those who only verify may read.
//!
//! A change is written to the public halves first: nothing signs with a key that `validate`
//! does not have, and of two changes at the same time the second one ends there.

use std::{fmt::Display, fs::File, path::PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};
use secrecy::SecretString;
use shared::keys::{JwkSet, KeyKind};

use super::{
    PlacesOfKeys,
    place::{Held, Place, PlaceOfKeys},
};
use crate::answer::{Answer, Failure};

const PUBLISH: &str = "bring them into step with: auth-admin key publish";
const CHANGED: &str = "the keys were changed";

/// Where the public halves are kept for those who only verify: at most one of the two.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct PlaceOfPublicKeys {
    /// Keep the public keys in this file in step, too; a change is written there first
    #[arg(long, value_name = "PATH")]
    public_file: Option<PathBuf>,
    /// Keep the public keys in this Secrets Manager secret in step, too; a change is written
    /// there first
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    public_secret_id: Option<String>,
}

/// Where keys are changed.
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
        let public = match places.public {
            PlaceOfPublicKeys { public_file: None, public_secret_id: None } => None,
            PlaceOfPublicKeys { public_file: file, public_secret_id: secret_id } => {
                Some(Place::of(PlaceOfKeys { file, secret_id })?)
            }
        };
        Ok(Self { keys: Place::of(places.keys)?, public })
    }

    /// A failure that has to do with the keys.
    pub(super) fn refuse(&self, reason: impl Display) -> Failure {
        self.keys.refuse(reason)
    }

    /// Writes the first keys, where there are none yet.
    pub(super) async fn create(&self, set: &JwkSet) -> Result<(), Failure> {
        let Some(public) = &self.public else { return self.keys.create(set).await };
        let halves = public_halves(set, public)?;
        if public.find().await?.is_some() {
            return Err(public.refuse("holds keys already; for those, use: auth-admin key publish"));
        }
        self.keys.create(set).await?;
        let created = match public.create(&halves).await {
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
            if held.set.kinds().any(|kind| kind != KeyKind::Public) {
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
        let Some(public) = &self.public else {
            self.keys.replace(&keyring.version, &set).await?;
            return Ok(set);
        };
        let halves = public_halves(&set, public)?;
        write_public(public, keyring.public.as_ref(), &halves).await?;
        let replaced = self.keys.replace(&keyring.version, &set).await;
        replaced
            .map_err(|error| error.then(&format!("the public keys were written; {PUBLISH}")))?;
        Ok(set)
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
        let public = match (&self.public, &keyring.public) {
            (Some(place), Some(held)) => place.forget(&held.version).await,
            _ => Ok(()),
        };
        both(public, self.keys.forget(&keyring.version).await)
    }
}

/// The failures of two things that were both tried.
pub(super) fn both(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(one), Err(other)) => Err(other.reasons.into_iter().fold(one, Failure::and)),
        (one, other) => one.and(other),
    }
}

/// `key publish`
pub(super) async fn publish(places: &Places) -> Result<Answer, Failure> {
    let Keyring { set, public: before, .. } = &places.hold_in_any_state().await?;
    let Some(place) = &places.public else {
        return Err(Failure::because("give either --public-file or --public-secret-id"));
    };
    write_public(place, before.as_ref(), &public_halves(set, place)?).await?;
    if let Some(before) = before {
        place.forget(&before.version).await?;
    }
    places.check(set).await?;
    Ok(Answer::good("the public keys are in step with the keys"))
}

async fn write_public(
    place: &Place,
    before: Option<&Held>,
    halves: &JwkSet,
) -> Result<(), Failure> {
    match before {
        Some(before) => place.replace(&before.version, halves).await,
        None => place.create(halves).await,
    }
}

/// What everybody may know of these keys.
fn public_halves(set: &JwkSet, place: &Place) -> Result<JwkSet, Failure> {
    if set.kinds().any(|kind| kind == KeyKind::Symmetric) {
        return Err(Failure::because(
            "a shared secret (HS256) has no public half: retire it first, or let all functions \
             read the keys themselves",
        ));
    }
    JwkSet::read(&set.keys().public_set().into()).map_err(|error| place.refuse(error))
}
