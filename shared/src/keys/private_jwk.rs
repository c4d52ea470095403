//! Keys written as JWKs with their private half (RFC 7518 section 6, RFC 8037 section 2).

use aws_lc_rs::{
    encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, jwk::Jwk};
use pkcs1::RsaPrivateKeyRef;
use secrecy::SecretString;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Algorithm, Key, KeyError};

/// More than the JWK of the largest RSA key (8192 bits) takes: a buffer that grows would
/// leave copies behind in memory.
const JWK_BYTES: usize = 8 * 1024;

/// An asymmetric key with the private half that it has, if it has one.
pub(super) fn of_key(key: &Key) -> Result<SecretString, KeyError> {
    let unreadable = KeyError::Malformed("a private key");
    let public = key.public_jwk().ok_or_else(|| unreadable.clone())?;
    let private =
        key.signing().map_or(Some(Members::default()), |it| Members::of(key.algorithm(), it));
    write(&AsymmetricJwk { public, private: private.ok_or(unreadable)? })
}

/// An HS256 key.
pub(super) fn of_secret(secret: &[u8], kid: Option<&str>) -> Result<SecretString, KeyError> {
    let private = Members(vec![encoded("k", secret)]);
    write(&SymmetricJwk { alg: Algorithm::Hs256.name(), kid, kty: "oct", private, r#use: "sig" })
}

#[derive(Serialize)]
struct AsymmetricJwk {
    #[serde(flatten)]
    public: Jwk,
    #[serde(flatten)]
    private: Members,
}

#[derive(Serialize)]
struct SymmetricJwk<'a> {
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    kty: &'static str,
    r#use: &'static str,
    #[serde(flatten)]
    private: Members,
}

fn write(jwk: &impl Serialize) -> Result<SecretString, KeyError> {
    let mut json = Zeroizing::new(Vec::with_capacity(JWK_BYTES));
    serde_json::to_writer(&mut *json, jwk).map_err(|_| KeyError::NotAJwkSet)?;
    let text = std::str::from_utf8(&json).map_err(|_| KeyError::NotAJwkSet)?;
    Ok(text.into())
}

/// The members that nobody else may know, in Base64url.
#[derive(Default)]
struct Members(Vec<Member>);

type Member = (&'static str, Zeroizing<String>);

impl Members {
    /// `None` if the key cannot be taken apart.
    fn of(algorithm: Algorithm, key: &EncodingKey) -> Option<Self> {
        match algorithm {
            Algorithm::Hs256 => None,
            Algorithm::Rs256 => Self::rsa(key.as_bytes()),
            Algorithm::Es256 => Self::p256(key.as_bytes()),
            Algorithm::EdDsa => Self::ed25519(key.as_bytes()),
        }
    }

    /// RFC 7518 section 6.3.2: numbers without leading zeros.
    fn rsa(pkcs1: &[u8]) -> Option<Self> {
        let numbers = RsaPrivateKeyRef::try_from(pkcs1).ok()?;
        let members = [
            ("d", numbers.private_exponent),
            ("p", numbers.prime1),
            ("q", numbers.prime2),
            ("dp", numbers.exponent1),
            ("dq", numbers.exponent2),
            ("qi", numbers.coefficient),
        ];
        Some(Self(members.map(|(name, number)| encoded(name, number.as_bytes())).into()))
    }

    /// RFC 7518 section 6.2.2.1: 32 bytes, with leading zeros.
    fn p256(pkcs8: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
        let number: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().ok()?;
        Some(Self(vec![encoded("d", number.as_ref())]))
    }

    /// RFC 8037 section 2: the seed.
    fn ed25519(pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let seed: Curve25519SeedBin<'_> = pair.seed().ok()?.as_be_bytes().ok()?;
        Some(Self(vec![encoded("d", seed.as_ref())]))
    }
}

fn encoded(name: &'static str, bytes: &[u8]) -> Member {
    (name, Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.as_str())))
    }
}
