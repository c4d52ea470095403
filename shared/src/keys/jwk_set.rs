//! A JWK Set that can be changed and written down (RFC 7517 section 5), and new keys for it.

use std::{borrow::Cow, collections::BTreeMap};

use aws_lc_rs::{
    encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin},
    rand, rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use pkcs1::RsaPrivateKeyRef;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{json, value::RawValue};
use zeroize::Zeroizing;

use super::{Algorithm, Key, KeyError, Keys, error::malformed, jwk, pem};

/// As many as `openssl rand -base64 48` gives: more than HS256 needs (RFC 7518 section 3.2).
const HS256_KEY_BYTES: usize = 48;

/// A set of keys, in the order in which they are written. What is in here has been read
/// as `login` and `validate` would read it.
#[derive(Debug)]
pub struct JwkSet {
    text: SecretString,
    keys: Keys,
}

impl JwkSet {
    /// The keys that `material` holds, in any form that [`Keys::read`] takes. A text
    /// becomes a symmetric key without a `kid`, as its tokens have none; a PEM key gets
    /// its thumbprint as `kid`, which it had before.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let keys = Keys::read(material)?;
        let text = material.expose_secret();
        if pem::is_pem(text) || !jwk::is_json(text) {
            return Self::of(&written(&keys.keys[0])?);
        }
        Ok(Self { text: material.clone(), keys })
    }

    /// A set of this one key, as [`generate`] makes it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn of(jwk: &SecretString) -> Result<Self, KeyError> {
        let text = Zeroizing::new(format!("{{\"keys\":[\n{}\n]}}", jwk.expose_secret()));
        Self::read(&text.as_str().into())
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

    /// The set with its keys changed: each JWK is a text, and they can be moved, removed
    /// and added to. What is not changed stays the text that it was.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the service could not read the result.
    pub fn edit(&self, change: impl FnOnce(&mut Vec<SecretString>)) -> Result<Self, KeyError> {
        let no_set = |_| KeyError::NotAJwkSet;
        let text = self.text.expose_secret();
        let mut members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(text).map_err(no_set)?;
        let keys = members.get("keys").map_or("[]", |keys| keys.get());
        let keys: Vec<&RawValue> = serde_json::from_str(keys).map_err(no_set)?;
        let mut jwks = keys.iter().map(|jwk| jwk.get().into()).collect();
        change(&mut jwks);
        let jwks: Vec<&str> = jwks.iter().map(ExposeSecret::expose_secret).collect();
        // Each key in a line of its own.
        let keys = RawValue::from_string(format!("[\n{}\n]", jwks.join(",\n"))).map_err(no_set)?;
        members.insert("keys".into(), &keys);
        let text = serde_json::to_string(&members).map_err(no_set)?;
        Self::read(&text.into())
    }
}

/// A new key as a JWK with `alg`, `use` and all that signing needs (RFC 7517 section 4),
/// for a [`JwkSet`].
///
/// Its `kid` is `id`. If that is `None`, it is the thumbprint of RFC 7638, and an HS256 key
/// has none.
///
/// # Errors
///
/// [`KeyError::NotMade`] if the cryptographic library refuses.
pub fn generate(algorithm: Algorithm, id: Option<&str>) -> Result<SecretString, KeyError> {
    let failed = |_| KeyError::NotMade;
    let id = id.map(str::to_owned);
    let key = match algorithm {
        Algorithm::Hs256 => {
            let mut secret = Zeroizing::new([0; HS256_KEY_BYTES]);
            rand::fill(secret.as_mut_slice()).map_err(failed)?;
            Key::symmetric(secret.as_slice(), id)
        }
        // The least that RS256 takes (RFC 7518 section 3.3).
        Algorithm::Rs256 => {
            Key::rsa(&RsaKeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?, id)
        }
        Algorithm::Es256 => Key::p256(&EcdsaKeyPair::generate(&P256_SIGNING).map_err(failed)?, id),
        Algorithm::EdDsa => Key::ed25519(&Ed25519KeyPair::generate().map_err(failed)?, id),
    };
    written(&key?)
}

/// A key as a JWK, with the private half that it has, if it has one (RFC 7518 section 6,
/// RFC 8037 section 2). The allocator of the program wipes what is freed.
pub(super) fn written(key: &Key) -> Result<SecretString, KeyError> {
    let mut jwk = match &key.public {
        Some(public) => serde_json::to_value(public).map_err(malformed)?,
        None => json!({ "alg": "HS256", "kty": "oct", "use": "sig" }),
    };
    if let Some(id) = key.id.as_deref() {
        jwk["kid"] = id.into();
    }
    let bytes = key.signing.as_ref().map_or(&[][..], EncodingKey::as_bytes);
    let mut add = |name: &str, bytes: &[u8]| jwk[name] = URL_SAFE_NO_PAD.encode(bytes).into();
    match key.algorithm {
        _ if bytes.is_empty() => {}
        Algorithm::Hs256 => add("k", bytes),
        // Numbers without leading zeros (RFC 7518 section 6.3.2).
        Algorithm::Rs256 => {
            let numbers = RsaPrivateKeyRef::try_from(bytes).map_err(malformed)?;
            add("d", numbers.private_exponent.as_bytes());
            add("p", numbers.prime1.as_bytes());
            add("q", numbers.prime2.as_bytes());
            add("dp", numbers.exponent1.as_bytes());
            add("dq", numbers.exponent2.as_bytes());
            add("qi", numbers.coefficient.as_bytes());
        }
        // 32 bytes, with leading zeros (RFC 7518 section 6.2.2.1).
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&P256_SIGNING, bytes);
            let pair = pair.map_err(malformed)?;
            let number: EcPrivateKeyBin<'_> =
                pair.private_key().as_be_bytes().map_err(malformed)?;
            add("d", number.as_ref());
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(malformed)?;
            let seed = pair.seed().map_err(malformed)?;
            let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(malformed)?;
            add("d", seed.as_ref());
        }
    }
    Ok(jwk.to_string().into())
}
