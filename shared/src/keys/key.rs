//! One key: checked by aws-lc-rs, kept in the form that jsonwebtoken takes.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
    },
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, crypto,
    dangerous::insecure_decode_claims,
    decode, encode,
    errors::{self, ErrorKind},
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use pkcs8::PrivateKeyInfoRef;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::{KeyError, malformed};

/// The shortest HS256 key: as long as its hash (RFC 7518 section 3.2).
const MIN_HS256_KEY_BYTES: usize = 32;
/// The least size of an RSA key (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The supported algorithms (RFC 7518 section 3.1), by `alg`. A key's kind determines its algorithm.
const ALGORITHMS: [(&str, Algorithm); 5] = [
    ("HS256", Algorithm::HS256),
    ("RS256", Algorithm::RS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
    // What RFC 9864 calls EdDSA on that curve.
    ("Ed25519", Algorithm::EdDSA),
];

/// The algorithm of this `alg`, if keys here can have it.
pub fn algorithm(alg: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(name, _)| *name == alg).map(|(_, algorithm)| *algorithm)
}

/// Which part of a key was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Both halves of a pair, even if it may only verify.
    Private,
    /// The public half of a pair.
    Public,
    /// An HS256 key: what verifies with it can sign.
    Symmetric,
}

/// The signature did not come about; the cause is in the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token could not be signed")]
pub struct SigningFailed;

/// One key with the one algorithm it was made for.
#[derive(Debug)]
pub struct Key {
    /// The `kid` (RFC 7515 section 4.1.4). A plain text has none, so that its tokens and those of
    /// the Flask service stay interchangeable.
    pub id: Option<String>,
    /// What of this key was read.
    pub kind: KeyKind,
    /// What this key signs and verifies with.
    pub algorithm: Algorithm,
    verifying: DecodingKey,
    validation: Validation,
    pub(super) signing: Option<EncodingKey>,
    /// The public JWK (RFC 7517 section 4); a symmetric key has none.
    pub public: Option<Jwk>,
}

impl Key {
    /// An HS256 key. It has no thumbprint as `kid`: guesses at the key could be tried out on it.
    pub(super) fn symmetric(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_KEY_BYTES {
            return Err(KeyError::TooShort);
        }
        Ok(Self {
            id: None,
            kind: KeyKind::Symmetric,
            algorithm: Algorithm::HS256,
            verifying: DecodingKey::from_secret(secret),
            validation: signature_only(Algorithm::HS256),
            signing: Some(EncodingKey::from_secret(secret)),
            public: None,
        })
    }

    /// As PKCS#1 (RFC 8017), out of the PKCS#8 that aws-lc-rs has.
    pub(super) fn rsa(pair: &RsaKeyPair) -> Result<Self, KeyError> {
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(malformed)?;
        let info = PrivateKeyInfoRef::try_from(der.as_ref()).map_err(malformed)?;
        Self::private(EncodingKey::from_rsa_der(info.private_key.as_bytes()), Algorithm::RS256)
    }

    /// As PKCS#8 (RFC 5208).
    pub(super) fn p256(pair: &EcdsaKeyPair) -> Result<Self, KeyError> {
        let der = pair.to_pkcs8v1().map_err(malformed)?;
        Self::private(EncodingKey::from_ec_der(der.as_ref()), Algorithm::ES256)
    }

    /// As PKCS#8 (RFC 5208).
    pub(super) fn ed25519(pair: &Ed25519KeyPair) -> Result<Self, KeyError> {
        let der = pair.to_pkcs8v1().map_err(malformed)?;
        Self::private(EncodingKey::from_ed_der(der.as_ref()), Algorithm::EdDSA)
    }

    /// A key pair, whose public half is derived.
    fn private(signing: EncodingKey, algorithm: Algorithm) -> Result<Self, KeyError> {
        let public = Jwk::from_encoding_key(&signing, algorithm).map_err(malformed)?;
        let public = Self::public(DecodingKey::from_jwk(&public).map_err(malformed)?, algorithm)?;
        Ok(Self { kind: KeyKind::Private, signing: Some(signing), ..public })
    }

    /// From the DER in which PKCS#1 or X.509 encodes it.
    pub(super) fn public_rsa(der: &[u8]) -> Result<Self, KeyError> {
        let key = rsa::PublicKey::from_der(der).map_err(malformed)?;
        let modulus = key.modulus().big_endian_without_leading_zero();
        let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if modulus.len() * 8 - zeros < MIN_RSA_BITS {
            return Err(KeyError::SmallRsaKey);
        }
        let exponent = key.exponent().big_endian_without_leading_zero();
        Self::public(DecodingKey::from_rsa_raw_components(modulus, exponent), Algorithm::RS256)
    }

    /// From an uncompressed point (SEC 1 section 2.3.3); jsonwebtoken takes no other as a JWK.
    pub(super) fn public_p256(point: &[u8]) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(malformed)?;
        Self::public(DecodingKey::from_ec_der(point), Algorithm::ES256)
    }

    /// From a point in its compressed form (RFC 8032 section 5.1.2).
    pub(super) fn public_ed25519(point: &[u8]) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&ED25519, point).map_err(malformed)?;
        Self::public(DecodingKey::from_ed_der(point), Algorithm::EdDSA)
    }

    /// The public half of a pair. Its `kid` is its thumbprint (RFC 7638).
    fn public(verifying: DecodingKey, algorithm: Algorithm) -> Result<Self, KeyError> {
        let mut jwk = Jwk::from_decoding_key(&verifying, Some(algorithm)).map_err(malformed)?;
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?;
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let key = Self {
            id: None,
            kind: KeyKind::Public,
            algorithm,
            verifying,
            validation: signature_only(algorithm),
            signing: None,
            public: Some(jwk),
        };
        Ok(key.with_id(Some(&thumbprint)))
    }

    /// The same key with this `kid`, if it is given one.
    pub(super) fn with_id(mut self, id: Option<&str>) -> Self {
        self.id = id.map(str::to_owned).or(self.id);
        if let Some(public) = &mut self.public {
            public.common.key_id.clone_from(&self.id);
        }
        self
    }

    /// The same key, for verifying alone.
    pub(super) fn without_signing(self) -> Self {
        Self { signing: None, ..self }
    }

    /// The `alg` of its tokens (RFC 7515 section 4.1.1).
    pub fn alg(&self) -> &'static str {
        let own = ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == self.algorithm);
        own.expect("each kind of key has one of them").0
    }

    /// Whether the key is one that signs.
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// A JWT with these claims, signed with this key (RFC 7519).
    pub(crate) fn encode(&self, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed)?;
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm) };
        encode(&header, claims, signing).map_err(|_| SigningFailed)
    }

    /// The JWS signature (RFC 7515 section 5.1) of `message`, in Base64url.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the key is not one that signs, or the cryptographic library refuses.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        let signing = self.signing.as_ref().ok_or(SigningFailed)?;
        crypto::sign(message, signing, self.algorithm).map_err(|_| SigningFailed)
    }

    /// The claims of `token`, if this key has signed it. They are not validated.
    ///
    /// # Errors
    ///
    /// That of jsonwebtoken if this key has not signed the token, or the claims are no `T`.
    pub(crate) fn decode<T: DeserializeOwned>(&self, token: &str) -> errors::Result<T> {
        match decode(token, &self.verifying, &self.validation) {
            // It does not know `Ed25519` (RFC 9864) as an `alg`, and cannot read on after an object
            // in place of a registered claim. Such a token is decoded in two steps.
            Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
                let (message, signature) = token.rsplit_once('.').ok_or(ErrorKind::InvalidToken)?;
                if !self.verifies(message.as_bytes(), signature)? {
                    return Err(ErrorKind::InvalidSignature.into());
                }
                insecure_decode_claims(token)
            }
            decoded => decoded.map(|token| token.claims),
        }
    }

    /// Whether `signature`, in Base64url, is this key's for `message`.
    ///
    /// # Errors
    ///
    /// That of jsonwebtoken if it is not strict Base64url.
    pub fn verifies(&self, message: &[u8], signature: &str) -> errors::Result<bool> {
        crypto::verify(signature, message, &self.verifying, self.algorithm)
    }

    /// Whether the two are one key, by the same name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let secrets = [self, other].map(|key| key.verifying.try_get_as_bytes().ok());
        self.id == other.id && self.public == other.public && secrets[0] == secrets[1]
    }
}

/// What jsonwebtoken is to validate of a token: the signature, by this one algorithm. It would
/// compare times with the system's clock, and skips claims that are absent.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
