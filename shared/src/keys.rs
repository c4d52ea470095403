//! The keys of tokens: which algorithm each was made for and what it is called.
//!
//! One key, one algorithm (RFC 8725 section 3.1): the algorithm is the key's own
//! and never taken from a token.

mod algorithm;
mod error;
mod jwk;
mod key;
mod pem;
mod private_key;
mod public_key;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use error::KeyError;
pub use key::{Key, PublicJwk, SigningFailed};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{
    config::{KeyConfig, Problem},
    secrets::{Recipe, SecretCache, Secrets, Stage, Versions},
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
    /// Fetches the configured keys, and fetches them again as they grow old. What
    /// Secrets Manager holds as `AWSPREVIOUS` verifies as well.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with the variable if there is no such secret or it holds no keys.
    pub async fn fetch(
        config: KeyConfig,
        key_use: KeyUse,
        secrets: &Secrets,
    ) -> Result<SecretCache<Self>, Problem> {
        let recipe = Recipe::new(config.source, move |versions| {
            Self::read_versions(versions, key_use).map_err(|error| error.to_string())
        });
        Ok(secrets.cache(recipe.beside(&[Stage::Previous])).await?)
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
            vec![Key::from_secret(text.as_bytes(), None)?]
        };
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        for (index, key) in keys.iter().enumerate() {
            if key.id().is_some() && keys[..index].iter().any(|other| other.id() == key.id()) {
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
        // What was there before may be anything, such as a placeholder.
        if let Some(Ok(previous)) = versions.previous.as_ref().map(Self::read) {
            keys.verify_with(previous);
        }
        Ok(keys)
    }

    /// Verifies with these keys as well, but for those of a name that is taken.
    fn verify_with(&mut self, previous: Self) {
        for key in previous.keys {
            let taken = key.id().is_some() && self.keys.iter().any(|it| it.id() == key.id());
            if !taken {
                self.keys.push(key.without_signing());
            }
        }
    }

    /// The key that signs, if one can.
    #[must_use]
    pub fn signing(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.can_sign())
    }

    /// The keys that may have signed a token with this `kid`: the one of that name,
    /// or every key where the token names none.
    pub fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| kid.is_none() || kid == key.id())
    }

    /// Every key, in the order of the set.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The JWK Set that everybody may know, as JSON (RFC 7517 section 5): the public
    /// halves, and nothing of symmetric keys.
    #[must_use]
    pub fn public_set(&self) -> String {
        #[derive(Serialize)]
        struct JwkSet<'a> {
            keys: Vec<PublicJwk<'a>>,
        }
        let keys = self.keys.iter().filter_map(Key::public_jwk).collect();
        serde_json::to_string(&JwkSet { keys }).expect("texts are JSON")
    }
}
