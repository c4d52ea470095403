//! A JWK Set that can be changed and written down (RFC 7517 section 5), and new keys for it.

use std::{borrow::Cow, collections::BTreeMap};

use aws_lc_rs::{
    encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin},
    rand,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pkcs1::RsaPrivateKeyRef;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{json, value::RawValue};

use super::{Algorithm, Key, KeyError, Keys, jwk, malformed, pem};

/// A set of keys in its order, which `login` and `validate` can read.
#[derive(Debug)]
#[non_exhaustive]
pub struct JwkSet {
    /// The set as JSON. The one of another place may look different.
    pub text: SecretString,
    /// Its keys, in the same order.
    pub keys: Keys,
}

impl JwkSet {
    /// The keys that `material` holds, in any form that [`Keys::read`] takes. Text and PEM
    /// become a set of one key with the same `kid`, if any.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn read(material: &SecretString) -> Result<Self, KeyError> {
        let keys = Keys::read(material)?;
        let text = material.expose_secret();
        if pem::is_pem(text) || !jwk::is_json(text) {
            return Self::of(&written(&keys.0[0])?);
        }
        Ok(Self { text: material.clone(), keys })
    }

    /// A set of this one key, as [`generate`] makes it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn of(jwk: &SecretString) -> Result<Self, KeyError> {
        Self::read(&format!("{{\"keys\":[\n{}\n]}}", jwk.expose_secret()).into())
    }

    /// The set with its keys, JWKs as text, changed. All else stays the text that it was.
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

/// A new private or symmetric key as a JWK (RFC 7517 section 4). Its `kid` is `id`, or else its
/// thumbprint (RFC 7638), which an HS256 key has not.
///
/// # Errors
///
/// [`KeyError::NotMade`] if the cryptographic library refuses.
pub fn generate(algorithm: Algorithm, id: Option<&str>) -> Result<SecretString, KeyError> {
    let failed = |_| KeyError::NotMade;
    let key = match algorithm {
        Algorithm::HS256 => {
            // As many as `openssl rand -base64 48` gives: more than needed (RFC 7518 section 3.2).
            let mut secret = vec![0; 48];
            rand::fill(&mut secret).map_err(failed)?;
            Key::symmetric(&secret)
        }
        // The least that RS256 takes (RFC 7518 section 3.3).
        Algorithm::RS256 => Key::rsa(&RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
        Algorithm::ES256 => Key::p256(&EcdsaKeyPair::generate(&P256_SIGNING).map_err(failed)?),
        Algorithm::EdDSA => Key::ed25519(&Ed25519KeyPair::generate().map_err(failed)?),
        _ => Err(KeyError::NotMade),
    };
    written(&key?.with_id(id))
}

/// A key as a JWK, with its private half, if it has one (RFC 7518 section 6, RFC 8037 section 2).
pub(super) fn written(key: &Key) -> Result<SecretString, KeyError> {
    let mut jwk = match &key.public {
        Some(public) => serde_json::to_value(public).map_err(malformed)?,
        None => json!({ "alg": "HS256", "kty": "oct", "use": "sig" }),
    };
    if let Some(id) = key.id.as_deref() {
        jwk["kid"] = id.into();
    }
    let Some(signing) = &key.signing else { return Ok(jwk.to_string().into()) };
    let bytes = signing.as_bytes();
    let mut add = |name: &str, bytes: &[u8]| jwk[name] = URL_SAFE_NO_PAD.encode(bytes).into();
    match key.algorithm {
        Algorithm::HS256 => add("k", bytes),
        // Numbers without leading zeros (RFC 7518 section 6.3.2).
        Algorithm::RS256 => {
            let numbers = RsaPrivateKeyRef::try_from(bytes).map_err(malformed)?;
            add("d", numbers.private_exponent.as_bytes());
            add("p", numbers.prime1.as_bytes());
            add("q", numbers.prime2.as_bytes());
            add("dp", numbers.exponent1.as_bytes());
            add("dq", numbers.exponent2.as_bytes());
            add("qi", numbers.coefficient.as_bytes());
        }
        // 32 bytes, with leading zeros (RFC 7518 section 6.2.2.1).
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&P256_SIGNING, bytes).map_err(malformed)?;
            let number: EcPrivateKeyBin<'_> =
                pair.private_key().as_be_bytes().map_err(malformed)?;
            add("d", number.as_ref());
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(malformed)?;
            let seed = pair.seed().map_err(malformed)?;
            let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(malformed)?;
            add("d", seed.as_ref());
        }
        _ => return Err(KeyError::NotMade),
    }
    Ok(jwk.to_string().into())
}
