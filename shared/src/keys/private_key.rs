//! Private keys, checked by aws-lc-rs, in the forms that jsonwebtoken takes.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use pkcs8::PrivateKeyInfoRef;

use super::{KeyError, public_key};

/// A key pair of one of the three kinds.
pub(super) enum PrivateKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// What signs: PKCS#8 (RFC 5208), and for RSA the PKCS#1 (RFC 8017) that is in it.
    pub(super) fn encoding_key(&self) -> Result<EncodingKey, KeyError> {
        let key = match self {
            Self::Rsa(pair) => pair.as_der().ok().and_then(|der: Pkcs8V1Der<'_>| {
                let info = PrivateKeyInfoRef::try_from(der.as_ref()).ok()?;
                Some(EncodingKey::from_rsa_der(info.private_key.as_bytes()))
            }),
            Self::P256(pair) => {
                pair.to_pkcs8v1().ok().map(|der| EncodingKey::from_ec_der(der.as_ref()))
            }
            Self::Ed25519(pair) => {
                pair.to_pkcs8v1().ok().map(|der| EncodingKey::from_ed_der(der.as_ref()))
            }
        };
        key.ok_or(KeyError::Malformed("a private key"))
    }

    /// The public half.
    pub(super) fn decoding_key(&self) -> Result<DecodingKey, KeyError> {
        match self {
            Self::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                public_key::rsa(
                    n.big_endian_without_leading_zero(),
                    e.big_endian_without_leading_zero(),
                )
            }
            Self::P256(pair) => public_key::p256(pair.public_key().as_ref()),
            Self::Ed25519(pair) => public_key::ed25519(pair.public_key().as_ref()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}
