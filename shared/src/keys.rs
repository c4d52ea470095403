//! The keys of tokens: which algorithm each was made for and what it is called.
//!
//! One key, one algorithm (RFC 8725 section 3.1): the algorithm is the key's own
//! and never taken from a token.

mod asymmetric;
mod error;
mod jwk;
#[cfg(feature = "key-management")]
mod jwk_set;
mod key;
mod pem;
mod public_text;
#[cfg(test)]
pub(crate) mod tests;

pub use error::KeyError;
#[cfg(feature = "key-management")]
pub use jwk_set::{JwkSet, generate};
pub use key::{Algorithm, Key, KeyKind, SigningFailed};

use std::collections::HashSet;

use jsonwebtoken::jwk::Jwk;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{
    config::{Problem, SecretKind, SecretSource},
    secrets::{Beside, SecretCache, Secrets, Versions},
};

/// What keys are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// For signing, so that one of them must be able to.
    Sign,
    /// For verifying alone.
    Verify,
}

/// The keys at hand. The first that can sign signs; all verify.
#[derive(Debug)]
pub struct Keys {
    keys: Vec<Key>,
}

impl Keys {
    /// Fetches the configured keys, and fetches them again as they grow old. For
    /// verifying, what Secrets Manager holds as `AWSPREVIOUS` is among them.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with the variable if there is no such secret or it holds no keys.
    pub async fn fetch(
        source: SecretSource,
        key_use: KeyUse,
        secrets: &Secrets,
    ) -> Result<SecretCache<Self>, Problem> {
        let beside = match key_use {
            KeyUse::Sign => Beside::Nothing,
            KeyUse::Verify => Beside::Previous,
        };
        let read = move |versions: &Versions| {
            Self::read_versions(versions, key_use).map_err(|error| error.to_string())
        };
        Ok(secrets.cache(SecretKind::Jwt, source, beside, read).await?)
    }

    /// Reads key material: a text (HS256), a PEM key, or a JWK Set.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let text = material.expose_secret();
        let keys = if pem::is_pem(text) {
            vec![pem::read(text)?]
        } else if jwk::is_json(text) {
            jwk::read_set(text)?
        } else if text.trim().is_empty() {
            return Err(KeyError::TooShort);
        } else {
            let key = Key::symmetric(text.as_bytes(), None)?;
            if let Some(kind) = public_text::kind(text) {
                return Err(KeyError::PublicText(kind));
            }
            vec![key]
        };
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        for (index, key) in keys.iter().enumerate() {
            if key.id.is_some() && keys[..index].iter().any(|other| other.id == key.id) {
                return Err(KeyError::DoubledKeyId.in_set(index));
            }
        }
        Ok(Self { keys })
    }

    fn read_versions(versions: &Versions, key_use: KeyUse) -> Result<Self, KeyError> {
        let mut keys = Self::read(&versions.current)?;
        if key_use == KeyUse::Sign && keys.signing().is_none() {
            return Err(KeyError::CannotSign);
        }
        if key_use == KeyUse::Verify {
            // A process that cannot sign has no use for what signs.
            keys.keys = keys.keys.into_iter().map(Key::without_signing).collect();
        }
        match versions.previous.as_ref().map(Self::read) {
            Some(Ok(previous)) => keys.verify_with(previous),
            // It may be anything, such as a placeholder.
            Some(Err(error)) => tracing::warn!(%error, "what AWSPREVIOUS holds is no key"),
            None => {}
        }
        Ok(keys)
    }

    /// Verifies with these keys as well.
    fn verify_with(&mut self, previous: Self) {
        for key in previous.keys {
            if !self.keys.iter().any(|current| current.is_same(&key)) {
                self.keys.push(key.without_signing());
            }
        }
    }

    /// The key that signs, if one can.
    #[must_use]
    pub fn signing(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.can_sign())
    }

    /// The keys that may have signed a token with this `kid`: the one of that name, and
    /// perhaps the one that had it before, or every key where the token names none.
    pub(crate) fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| kid.is_none() || kid == key.id.as_deref())
    }

    /// Every key, in the order of the set.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The JWK Set that everybody may know, as JSON (RFC 7517 section 5): the public
    /// halves, each name once, and nothing of symmetric keys.
    #[must_use]
    pub fn public_set(&self) -> String {
        #[derive(Serialize)]
        struct PublicSet<'k> {
            keys: Vec<&'k Jwk>,
        }
        let mut names = HashSet::new();
        let public = self.keys.iter().filter_map(|key| key.public.as_ref());
        let keys = public.filter(|jwk| names.insert(&jwk.common.key_id)).collect();
        serde_json::to_string(&PublicSet { keys }).expect("texts are JSON")
    }
}
