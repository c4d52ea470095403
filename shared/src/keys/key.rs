//! One key.

use std::fmt;

use aws_lc_rs::{hmac, signature::ParsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use thiserror::Error;

use super::{
    Algorithm, KeyError,
    private_key::PrivateKey,
    public_key::{PublicKey, PublicMembers},
};

/// The shortest HS256 key: as long as its hash (RFC 7518 section 3.2).
const MIN_HS256_KEY_BYTES: usize = 32;

/// The signature did not come about; the cause is in the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token could not be signed")]
pub struct SigningFailed;

/// One key with the one algorithm it was made for.
pub struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    may_sign: bool,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Pair(Box<Pair>),
}

/// A public key, and the private one that belongs to it if we have it.
struct Pair {
    verifier: ParsedPublicKey,
    members: PublicMembers,
    private: Option<PrivateKey>,
}

impl Key {
    /// An HS256 key. It has no `kid` unless it is given one: a thumbprint would let
    /// anybody try out guesses at it.
    pub(super) fn from_secret(secret: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_KEY_BYTES {
            return Err(KeyError::TooShort);
        }
        let material = Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)));
        Ok(Self { id, algorithm: Algorithm::Hs256, may_sign: true, material })
    }

    pub(super) fn from_private_key(
        private: PrivateKey,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let public = private.public_key()?;
        Ok(Self { may_sign: true, ..Self::from_pair(&public, Some(private), id)? })
    }

    pub(super) fn from_public_key(
        public: &PublicKey,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        Self::from_pair(public, None, id)
    }

    fn from_pair(
        public: &PublicKey,
        private: Option<PrivateKey>,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let (verifier, members) = (public.verifier()?, public.members());
        let id = Some(id.unwrap_or_else(|| members.thumbprint()));
        let material = Material::Pair(Box::new(Pair { verifier, members, private }));
        Ok(Self { id, algorithm: public.algorithm(), may_sign: false, material })
    }

    /// The same key, for verifying alone.
    pub(super) fn without_signing(mut self) -> Self {
        self.may_sign = false;
        if let Material::Pair(pair) = &mut self.material {
            pair.private = None;
        }
        self
    }

    /// What this key signs and verifies with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of this key (RFC 7515 section 4.1.4). A plain text has none, so that
    /// its tokens and those of the Flask service stay interchangeable.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the key is one that signs.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.may_sign
    }

    /// The JWS signature (RFC 7515 section 5.1) of `message`, in Base64url.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the key is not one that signs, or the cryptographic library
    /// refuses.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        match &self.material {
            Material::Secret(key) if self.may_sign => {
                Ok(URL_SAFE_NO_PAD.encode(hmac::sign(key, message)))
            }
            Material::Pair(pair) => {
                let signature = pair.private.as_ref().ok_or(SigningFailed)?.sign(message)?;
                Ok(URL_SAFE_NO_PAD.encode(signature))
            }
            Material::Secret(_) => Err(SigningFailed),
        }
    }

    /// Whether `signature` is this key's for `message`. Compared in constant time.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Pair(pair) => pair.verifier.verify_sig(message, signature).is_ok(),
        }
    }

    /// The private half, where there is one.
    #[cfg(feature = "key-management")]
    pub(super) fn private_key(&self) -> Option<&PrivateKey> {
        match &self.material {
            Material::Secret(_) => None,
            Material::Pair(pair) => pair.private.as_ref(),
        }
    }

    /// Whether the two are one key, by the same name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && match (&self.material, &other.material) {
                // The keys themselves cannot be compared, but what they sign.
                (Material::Secret(own), Material::Secret(other)) => {
                    hmac::verify(own, b"", hmac::sign(other, b"").as_ref()).is_ok()
                }
                (Material::Pair(own), Material::Pair(other)) => own.members == other.members,
                _ => false,
            }
    }

    /// The JWK that everybody may know; none of a symmetric key.
    #[must_use]
    pub fn public_jwk(&self) -> Option<PublicJwk<'_>> {
        match &self.material {
            Material::Secret(_) => None,
            Material::Pair(pair) => Some(PublicJwk {
                alg: self.algorithm.name(),
                kid: self.id(),
                members: &pair.members,
                r#use: "sig",
            }),
        }
    }
}

/// A public key as others read it (RFC 7517 section 4).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublicJwk<'a> {
    /// `ES256`, `EdDSA` or `RS256`: the one algorithm that this key is for.
    alg: &'static str,
    /// What the headers of its tokens call it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    kid: Option<&'a str>,
    /// `sig`: for signatures.
    r#use: &'static str,
    #[serde(flatten)]
    members: &'a PublicMembers,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Key");
        shown.field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}
