//! A JWK Set that can be changed and written down (RFC 7517 section 5).
//!
//! Each key stays the text that it was: nothing that an operator or another program put
//! beside its members is lost, and no parsed copy of a private key lies about in memory.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{json, value::RawValue};
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, Keys, jwk, pem, private_jwk};

/// What of a key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Both halves of a pair.
    Private,
    /// The half of a pair that everybody may know.
    Public,
    /// An HS256 key: whoever verifies with it can sign.
    Symmetric,
}

/// A set of keys, in the order in which they are written. What is in here has been read
/// as `login` and `validate` would read it.
#[derive(Debug)]
pub struct JwkSet {
    text: SecretString,
    jwks: Vec<SecretString>,
    /// Members of the set beside `keys`.
    others: BTreeMap<String, SecretString>,
    keys: Keys,
}

impl JwkSet {
    /// The keys that `material` holds, in any form that [`Keys::read`] takes. A text
    /// becomes a symmetric key without a `kid`, as its tokens have none; a PEM key gets
    /// its thumbprint as `kid`, which it was called by before.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let keys = Keys::read(material)?;
        let text = material.expose_secret();
        if pem::is_pem(text) {
            return Self::of(private_jwk::of_key(&pem::read(text)?)?);
        }
        if !jwk::is_json(text) {
            return Self::of(private_jwk::of_secret(text.as_bytes(), None)?);
        }
        let (jwks, others) = parts(text).ok_or(KeyError::NotAJwkSet)?;
        Ok(Self { text: material.clone(), jwks, others, keys })
    }

    /// A set of this one key, as [`generate`](super::generate()) makes it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn of(jwk: SecretString) -> Result<Self, KeyError> {
        Self::written(vec![jwk], BTreeMap::new())
    }

    /// The set as JSON. The one of another place may look different.
    #[must_use]
    pub fn text(&self) -> &SecretString {
        &self.text
    }

    /// What the service makes of the set; as many keys, in the same order.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What is written of each key.
    pub fn kinds(&self) -> impl Iterator<Item = KeyKind> {
        self.keys.iter().zip(&self.jwks).map(|(key, jwk)| match key.algorithm() {
            Algorithm::Hs256 => KeyKind::Symmetric,
            _ if is_private(jwk) => KeyKind::Private,
            _ => KeyKind::Public,
        })
    }

    /// The set with its keys changed: each JWK is a text, and they can be moved, removed
    /// and added to.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the service could not read the result.
    pub fn edit(&self, change: impl FnOnce(&mut Vec<SecretString>)) -> Result<Self, KeyError> {
        let mut jwks = self.jwks.clone();
        change(&mut jwks);
        Self::written(jwks, self.others.clone())
    }

    fn written(
        jwks: Vec<SecretString>,
        others: BTreeMap<String, SecretString>,
    ) -> Result<Self, KeyError> {
        let text = write(&jwks, &others);
        let keys = Keys::read(&text)?;
        Ok(Self { text, jwks, others, keys })
    }
}

type Parts = (Vec<SecretString>, BTreeMap<String, SecretString>);

/// The keys of a set, and its other members.
fn parts(text: &str) -> Option<Parts> {
    let secret = |raw: &RawValue| SecretString::from(raw.get());
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let keys: Vec<&RawValue> = serde_json::from_str(members.remove("keys")?.get()).ok()?;
    let others = members.into_iter().map(|(name, raw)| (name, secret(raw)));
    Some((keys.into_iter().map(secret).collect(), others.collect()))
}

/// The set with each key in a line of its own.
fn write(jwks: &[SecretString], others: &BTreeMap<String, SecretString>) -> SecretString {
    let names: Vec<String> = others.keys().map(|name| json!(name).to_string()).collect();
    let mut pieces = vec!["{"];
    for (name, (_, value)) in names.iter().zip(others) {
        pieces.extend([name, ":", value.expose_secret(), ",\n"]);
    }
    pieces.push("\"keys\":[");
    for (index, jwk) in jwks.iter().enumerate() {
        pieces.extend([if index == 0 { "\n" } else { ",\n" }, jwk.expose_secret()]);
    }
    pieces.push("\n]}");
    // Joined at once, so that no smaller buffer is left behind.
    let text = Zeroizing::new(pieces.concat());
    text.as_str().into()
}

/// Whether an asymmetric key has its private half, even one that may only verify.
fn is_private(jwk: &SecretString) -> bool {
    #[derive(Deserialize)]
    struct Members {
        d: Option<IgnoredAny>,
    }
    serde_json::from_str(jwk.expose_secret()).is_ok_and(|Members { d }| d.is_some())
}
