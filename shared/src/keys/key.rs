//! One key.

use std::fmt;

use jsonwebtoken::{
    DecodingKey, EncodingKey, Header, crypto, encode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use thiserror::Error;

use super::{KeyError, error::malformed};

/// The shortest HS256 key: as long as its hash (RFC 7518 section 3.2).
const MIN_HS256_KEY_BYTES: usize = 32;

/// What a key signs and verifies with (RFC 7518 section 3.1). A key has exactly one, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 7518 section 3.2).
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    Es256,
    /// EdDSA on Curve25519 (RFC 8037 section 3.1).
    EdDsa,
}

impl Algorithm {
    /// The name that our own tokens bear as `alg` (RFC 7515 section 4.1.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name. `Ed25519` is what RFC 9864 calls `EdDSA` on that curve.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => Self::HS256,
            Algorithm::Rs256 => Self::RS256,
            Algorithm::Es256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// What of a key was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Both halves of a pair, even if it may only verify.
    Private,
    /// The half of a pair that everybody may know.
    Public,
    /// An HS256 key: what verifies with it can sign.
    Symmetric,
}

/// The signature did not come about; the cause is in the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token could not be signed")]
pub struct SigningFailed;

/// One key with the one algorithm it was made for.
pub struct Key {
    /// The `kid` (RFC 7515 section 4.1.4). A plain text has none, so that its tokens and those of
    /// the Flask service stay interchangeable.
    pub id: Option<String>,
    /// What of this key was read.
    pub kind: KeyKind,
    /// What this key signs and verifies with.
    pub algorithm: Algorithm,
    verifying: DecodingKey,
    pub(super) signing: Option<EncodingKey>,
    /// The JWK that everyone may know (RFC 7517 section 4); none of a symmetric key.
    pub public: Option<Jwk>,
}

impl Key {
    /// An HS256 key. It has no `kid` unless it is given one: guesses at it could be tried
    /// out on a thumbprint.
    pub(super) fn symmetric(secret: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_KEY_BYTES {
            return Err(KeyError::TooShort);
        }
        Ok(Self {
            id,
            kind: KeyKind::Symmetric,
            algorithm: Algorithm::Hs256,
            verifying: DecodingKey::from_secret(secret),
            signing: Some(EncodingKey::from_secret(secret)),
            public: None,
        })
    }

    /// A key pair, whose public half is derived.
    pub(super) fn private(
        signing: EncodingKey,
        algorithm: Algorithm,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let public = Jwk::from_encoding_key(&signing, algorithm.into()).map_err(malformed)?;
        let verifying = DecodingKey::from_jwk(&public).map_err(malformed)?;
        let public = Self::public(verifying, algorithm, id)?;
        Ok(Self { kind: KeyKind::Private, signing: Some(signing), ..public })
    }

    /// A key pair without its private half. Its `kid` is its thumbprint (RFC 7638) unless it
    /// is given one.
    pub(super) fn public(
        verifying: DecodingKey,
        algorithm: Algorithm,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let jwk = Jwk::from_decoding_key(&verifying, Some(algorithm.into()));
        let mut jwk = jwk.map_err(malformed)?;
        let id = match id {
            Some(id) => id,
            None => jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?,
        };
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let (id, public) = (Some(id), Some(jwk));
        Ok(Self { id, kind: KeyKind::Public, algorithm, verifying, signing: None, public })
    }

    /// The same key, for verifying alone.
    pub(super) fn without_signing(self) -> Self {
        Self { signing: None, ..self }
    }

    /// Whether the key is one that signs.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// A JWT with these claims, signed with this key (RFC 7519).
    pub(crate) fn encode(&self, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed)?;
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm.into()) };
        encode(&header, claims, signing).map_err(|_| SigningFailed)
    }

    /// The JWS signature (RFC 7515 section 5.1) of `message`, in Base64url.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the key is not one that signs, or the cryptographic library
    /// refuses.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed)?;
        crypto::sign(message, signing, self.algorithm.into()).map_err(|_| SigningFailed)
    }

    /// Whether `signature`, in Base64url, is this key's for `message`.
    ///
    /// # Errors
    ///
    /// That of jsonwebtoken if it is not strict Base64url.
    pub fn verifies(&self, message: &[u8], signature: &str) -> jsonwebtoken::errors::Result<bool> {
        crypto::verify(signature, message, &self.verifying, self.algorithm.into())
    }

    /// Whether the two are one key, by the same name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let secrets = [self, other].map(|key| key.verifying.try_get_as_bytes().ok());
        self.id == other.id && self.public == other.public && secrets[0] == secrets[1]
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Key");
        shown.field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}
