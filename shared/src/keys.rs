//! The keys of tokens: which algorithm each was made for and what it is called.
//!
//! One key, one algorithm (RFC 8725 section 3.1): the algorithm is the key's own
//! and never taken from a token.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::{
    config::{KeyConfig, Problem},
    secrets::Secrets,
};

/// The shortest HS256 key: as long as its hash (RFC 7518 section 3.2).
const MIN_HS256_KEY_BYTES: usize = 32;

/// Key material cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// HS256 wants a key as long as its hash (RFC 7518 section 3.2).
    #[error(
        "is shorter than {MIN_HS256_KEY_BYTES} bytes, which HS256 needs; \
         make one with: openssl rand -base64 48"
    )]
    TooShort,
    /// A PEM or a JWK would silently be used as an HS256 text, public half and all.
    #[error("looks like a PEM or JWK key; this version signs with HS256 and takes a plain text")]
    NotAText,
}

/// The signature did not come about; the cause is in the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token could not be signed")]
pub struct SigningFailed;

/// One key with the one algorithm it was made for.
pub struct Key {
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Key {
    /// The `alg` that this key signs and verifies (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        "HS256"
    }

    /// The `kid` of this key (RFC 7515 section 4.1.4). A plain text has none, so that
    /// its tokens and those of the Flask service stay interchangeable.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        None
    }

    /// The JWS signature (RFC 7515 section 5.1) of `message`, in Base64url.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the cryptographic library refuses.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        crypto::sign(message, &self.signing, Algorithm::HS256).map_err(|_| SigningFailed)
    }

    /// Whether `signature`, in strict Base64url, is this key's for `message`.
    /// Compared in constant time.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.verifying, Algorithm::HS256).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Key");
        shown.field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

/// The keys at hand: in this version one, which signs and verifies.
#[derive(Debug)]
pub struct Keys {
    key: Key,
}

impl Keys {
    /// Fetches and reads the configured key material.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with the variable if the secret cannot be had or is no key.
    pub async fn load(config: &KeyConfig, secrets: &Secrets) -> Result<Self, Problem> {
        let material = secrets.fetch(&config.source).await?;
        Self::read(&material).map_err(|error| Problem {
            variable: config.source.describe(),
            reason: error.to_string(),
        })
    }

    /// Reads key material: a text of at least 32 bytes, for HS256.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let text = material.expose_secret();
        if ["-----BEGIN ", "\"kty\"", "\"keys\""].iter().any(|mark| text.contains(mark)) {
            return Err(KeyError::NotAText);
        }
        if text.len() < MIN_HS256_KEY_BYTES || text.trim().is_empty() {
            return Err(KeyError::TooShort);
        }
        let key = Key {
            signing: EncodingKey::from_secret(text.as_bytes()),
            verifying: DecodingKey::from_secret(text.as_bytes()),
        };
        Ok(Self { key })
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> &Key {
        &self.key
    }

    /// The keys that may have signed a token with this `kid`: the one of that name,
    /// or every key where the token names none.
    pub fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).filter(move |key| kid.is_none() || kid == key.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_32_bytes_is_an_hs256_key_without_a_name() {
        let keys = Keys::read(&"x".repeat(32).into()).unwrap();
        assert_eq!((keys.signing().algorithm(), keys.signing().id()), ("HS256", None));
    }

    #[test]
    fn unusable_key_material_is_refused() {
        for (material, error) in [
            ("x".repeat(31), KeyError::TooShort),
            (String::new(), KeyError::TooShort),
            (format!("-----BEGIN PUBLIC KEY-----{}", "x".repeat(99)), KeyError::NotAText),
            (format!("\"-----BEGIN PUBLIC KEY-----{}\"", "x".repeat(99)), KeyError::NotAText),
            (format!("\n{{\"keys\":[]}}{}", " ".repeat(99)), KeyError::NotAText),
            (format!("[{{\"kty\":\"RSA\"}}]{}", " ".repeat(99)), KeyError::NotAText),
            (" ".repeat(99), KeyError::TooShort),
        ] {
            assert_eq!(Keys::read(&material.into()).unwrap_err(), error);
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let shown = format!("{:?}", Keys::read(&"canary".repeat(9).into()).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
