//! The keys of tokens. One key, one algorithm (RFC 8725 section 3.1): it is never taken from a token.

mod jwk;
#[cfg(feature = "key-management")]
mod jwk_set;
mod key;
mod pem;
mod public_text;
#[cfg(test)]
pub(crate) mod tests;

pub use jsonwebtoken::Algorithm;
#[cfg(feature = "key-management")]
pub use jwk_set::{JwkSet, generate};
pub use key::{Key, KeyKind, SigningFailed, algorithm};

use std::collections::{BTreeMap, HashSet};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::{
    config::{Problem, SecretKind, SecretSource},
    secrets::{ExtraVersions, SecretCache, Secrets, Stage, Versions},
};

/// Why key material cannot be used, for an operator. No message quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum KeyError {
    /// RFC 7518 section 3.2.
    #[error("is shorter than 32 bytes, which HS256 needs; make one with: openssl rand -base64 48")]
    TooShort,
    #[error(
        "is {0}: no secret for HS256, since others know or guess it; make one with: openssl rand \
         -base64 48"
    )]
    PublicText(&'static str),
    #[error(
        "looks like JSON, but is no JWK Set: an object whose `keys` is a list of keys (RFC 7517 \
         section 5)"
    )]
    NotAJwkSet,
    #[error("is a JWK Set without keys")]
    Empty,
    #[error(
        "is PEM, but holds no key that can be read: an unencrypted `PRIVATE KEY` (or `RSA` or \
         `EC PRIVATE KEY`), or for validate a `PUBLIC KEY`, with its line breaks"
    )]
    NoPemKey,
    #[error("holds several PEM keys; keep one, or make a JWK Set of them")]
    SeveralPemKeys,
    #[error("holds a key that cannot be read, or whose parts do not fit together")]
    Malformed,
    /// RFC 7518 section 3.3.
    #[error("holds an RSA key of fewer than 2048 bits, which RS256 needs")]
    SmallRsaKey,
    /// RFC 7518 section 3.4, RFC 8037 section 3.1.
    #[error("holds a key on another curve than P-256 (for ES256) or Ed25519 (for EdDSA)")]
    WrongCurve,
    /// RFC 7517 section 4.1.
    #[error("has another `kty` than oct, RSA, EC and OKP")]
    UnknownKeyType,
    /// RFC 7517 section 4.2 and 4.3.
    #[error("is not for signatures: its `use` or `key_ops` says otherwise")]
    NotForSignatures,
    /// RFC 7517 section 4.4.
    #[error("has an `alg` other than {0}, which is the one of its kind")]
    WrongAlgorithm(&'static str),
    #[error("has the same `kid` as another key")]
    DoubledKeyId,
    /// The problem is that of one key; counted from 1.
    #[error("key {0} of the JWK Set {1}")]
    InSet(usize, Box<KeyError>),
    #[error("no key could be made")]
    NotMade,
    #[error(
        "holds no key that can sign: login needs a private key, or a symmetric one, and not \
         only public keys"
    )]
    CannotSign,
}

/// The error of a library, which might quote the key.
fn malformed<E>(_: E) -> KeyError {
    KeyError::Malformed
}

/// What keys are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// One of them must be able to sign.
    Sign,
    /// Only verify.
    Verify,
}

/// A set of keys. The first that can sign signs; all verify.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// A cache of the configured keys. To verify, it also has the keys at `AWSPREVIOUS` in Secrets
    /// Manager.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with the variable if there is no such secret or it holds no keys.
    pub async fn fetch(
        source: SecretSource,
        key_use: KeyUse,
        secrets: &Secrets,
    ) -> Result<SecretCache<Self>, Problem> {
        let extra = match key_use {
            KeyUse::Sign => ExtraVersions::None,
            KeyUse::Verify => ExtraVersions::Previous,
        };
        let name = source.describe();
        let parse = move |versions: &Versions, is_new: bool| {
            let text = versions[&Stage::Current].expose_secret();
            let is_within = |mark| text.strip_prefix(mark).is_some_and(|rest| rest.ends_with(mark));
            if is_new && ['"', '\''].into_iter().any(is_within) {
                tracing::warn!("{name}: has quotation marks around it, which are part of the key");
            }
            let keys = match key_use {
                KeyUse::Sign => Self::to_sign(versions),
                KeyUse::Verify => Self::to_verify(versions, is_new),
            };
            keys.map_err(|error| error.to_string())
        };
        Ok(secrets.cache(SecretKind::Jwt, source, extra, parse).await?)
    }

    /// Reads key material: a text (HS256), a PEM key, or a JWK Set. Every key of a set must be
    /// supported.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let (keys, unsupported) = Self::read_supported(material)?;
        unsupported.into_iter().next().map_or(Ok(keys), Err)
    }

    /// Reads key material, and lists why a JWK Set has keys that are not supported. At least one
    /// key is.
    fn read_supported(material: &SecretString) -> Result<(Self, Vec<KeyError>), KeyError> {
        let text = material.expose_secret();
        let key = if pem::is_pem(text) {
            pem::read(text)
        } else if jwk::is_json(text) {
            return jwk::read_set(text);
        } else if text.trim().is_empty() {
            Err(KeyError::TooShort)
        } else {
            let key = Key::symmetric(text.as_bytes());
            match public_text::kind(text) {
                Some(kind) if key.is_ok() => Err(KeyError::PublicText(kind)),
                _ => key,
            }
        };
        Ok((Self(vec![key?]), Vec::new()))
    }

    fn to_sign(versions: &Versions) -> Result<Self, KeyError> {
        let keys = Self::read(&versions[&Stage::Current])?;
        if keys.signing().is_some() { Ok(keys) } else { Err(KeyError::CannotSign) }
    }

    /// The current keys, with a warning about those that are ignored if they are new, and the
    /// previous ones. A process that cannot sign has no use for what signs.
    fn to_verify(versions: &Versions, is_new: bool) -> Result<Self, KeyError> {
        let (Self(mut keys), unsupported) = Self::read_supported(&versions[&Stage::Current])?;
        if is_new && !unsupported.is_empty() {
            // A set may have more than a log line takes.
            let reasons = unsupported.iter().take(20).map(ToString::to_string);
            let (count, reasons) = (unsupported.len(), reasons.collect::<Vec<_>>().join("; "));
            tracing::warn!(count, reasons, "keys that verify no tokens are ignored");
        }
        match versions.get(&Stage::Previous).map(Self::read_supported) {
            Some(Ok((Self(mut previous), _))) => {
                previous.retain(|key| !keys.iter().any(|current| current.is_same(key)));
                keys.extend(previous);
            }
            // It may be anything, such as a placeholder.
            Some(Err(error)) => tracing::warn!(%error, "AWSPREVIOUS holds no usable key"),
            None => {}
        }
        Ok(Self(keys.into_iter().map(Key::without_signing).collect()))
    }

    /// The key that signs, if one can.
    pub fn signing(&self) -> Option<&Key> {
        self.iter().find(|key| key.can_sign())
    }

    /// Every key, in the order of the set.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// The public halves as a JWK Set in JSON (RFC 7517 section 5), each name once.
    pub fn public_set(&self) -> String {
        let mut names = HashSet::new();
        let public = self.iter().filter_map(|key| key.public.as_ref());
        let keys: Vec<_> = public.filter(|jwk| names.insert(&jwk.common.key_id)).collect();
        serde_json::to_string(&BTreeMap::from([("keys", keys)])).expect("texts are JSON")
    }
}
