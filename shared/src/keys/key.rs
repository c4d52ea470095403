//! One key.

use std::fmt;

use jsonwebtoken::{
    AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey, Header, crypto, encode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use thiserror::Error;

use super::{Algorithm, KeyError, private_key::PrivateKey};

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
    verifying: DecodingKey,
    signing: Option<EncodingKey>,
}

impl Key {
    /// An HS256 key. It has no `kid` unless it is given one: a thumbprint would let
    /// anyone try out guesses at it.
    pub(super) fn from_secret(secret: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_KEY_BYTES {
            return Err(KeyError::TooShort);
        }
        Ok(Self::new(id, DecodingKey::from_secret(secret), Some(EncodingKey::from_secret(secret))))
    }

    pub(super) fn from_private_key(
        private: &PrivateKey,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let signing = Some(private.encoding_key()?);
        Ok(Self { signing, ..Self::from_public_key(private.decoding_key()?, id)? })
    }

    /// A key pair without its private half. It is called by its thumbprint (RFC 7638) unless
    /// it is given a name.
    pub(super) fn from_public_key(
        verifying: DecodingKey,
        id: Option<String>,
    ) -> Result<Self, KeyError> {
        let thumbprint = || {
            let jwk = Jwk::from_decoding_key(&verifying, None);
            jwk.and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256))
        };
        let id = match id {
            Some(id) => id,
            None => thumbprint().map_err(|_| KeyError::Malformed("a public key"))?,
        };
        Ok(Self::new(Some(id), verifying, None))
    }

    fn new(id: Option<String>, verifying: DecodingKey, signing: Option<EncodingKey>) -> Self {
        let algorithm = match verifying.family() {
            AlgorithmFamily::Hmac => Algorithm::Hs256,
            AlgorithmFamily::Rsa => Algorithm::Rs256,
            AlgorithmFamily::Ec => Algorithm::Es256,
            AlgorithmFamily::Ed => Algorithm::EdDsa,
        };
        Self { id, algorithm, verifying, signing }
    }

    /// The same key, for verifying alone.
    pub(super) fn without_signing(self) -> Self {
        Self { signing: None, ..self }
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
        self.signing.is_some()
    }

    /// A JWT with these claims, signed with this key (RFC 7519).
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the key is not one that signs, or the cryptographic library
    /// refuses.
    pub fn encode(&self, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed)?;
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm.into()) };
        encode(&header, claims, signing).map_err(|_| SigningFailed)
    }

    /// The JWS signature (RFC 7515 section 5.1) of `message`, in Base64url.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
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

    /// What signs, where the key is one that does.
    #[cfg(feature = "key-management")]
    pub(super) fn signing(&self) -> Option<&EncodingKey> {
        self.signing.as_ref()
    }

    /// Whether the two are one key, by the same name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        self.id == other.id
            && self.algorithm == other.algorithm
            && match (self.verifying.kind(), other.verifying.kind()) {
                (SecretOrDer(own), SecretOrDer(other)) => own == other,
                (RsaModulusExponent { n, e }, RsaModulusExponent { n: other_n, e: other_e }) => {
                    (n, e) == (other_n, other_e)
                }
                _ => false,
            }
    }

    /// The JWK that everyone may know (RFC 7517 section 4); none of a symmetric key.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Jwk> {
        if self.algorithm == Algorithm::Hs256 {
            return None;
        }
        let mut jwk = Jwk::from_decoding_key(&self.verifying, Some(self.algorithm.into())).ok()?;
        jwk.common.key_id.clone_from(&self.id);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Some(jwk)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Key");
        shown.field("algorithm", &self.algorithm).field("id", &self.id).finish_non_exhaustive()
    }
}
