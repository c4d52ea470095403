//! Asymmetric keys, checked by aws-lc-rs, in the forms that jsonwebtoken takes as they are.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
    },
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use pkcs8::PrivateKeyInfoRef;

use super::{Algorithm, Key, KeyError, error::malformed};

/// The least size of an RSA key (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;

impl Key {
    /// As PKCS#1 (RFC 8017), out of the PKCS#8 that aws-lc-rs has.
    pub(super) fn rsa(pair: &RsaKeyPair, id: Option<String>) -> Result<Self, KeyError> {
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(malformed)?;
        let info = PrivateKeyInfoRef::try_from(der.as_ref()).map_err(malformed)?;
        Self::private(EncodingKey::from_rsa_der(info.private_key.as_bytes()), Algorithm::Rs256, id)
    }

    /// As PKCS#8 (RFC 5208).
    pub(super) fn p256(pair: &EcdsaKeyPair, id: Option<String>) -> Result<Self, KeyError> {
        let der = pair.to_pkcs8v1().map_err(malformed)?;
        Self::private(EncodingKey::from_ec_der(der.as_ref()), Algorithm::Es256, id)
    }

    /// As PKCS#8 (RFC 5208).
    pub(super) fn ed25519(pair: &Ed25519KeyPair, id: Option<String>) -> Result<Self, KeyError> {
        let der = pair.to_pkcs8v1().map_err(malformed)?;
        Self::private(EncodingKey::from_ed_der(der.as_ref()), Algorithm::EdDsa, id)
    }

    /// From DER: aws-lc-rs checks the numbers only as it decodes them.
    pub(super) fn public_rsa(der: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        let key = rsa::PublicKey::from_der(der).map_err(malformed)?;
        let modulus = key.modulus().big_endian_without_leading_zero();
        let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if modulus.len() * 8 - zeros < MIN_RSA_BITS {
            return Err(KeyError::SmallRsaKey);
        }
        let exponent = key.exponent().big_endian_without_leading_zero();
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Self::public(key, Algorithm::Rs256, id)
    }

    /// From an uncompressed point (SEC 1 section 2.3.3); jsonwebtoken takes no other as a JWK.
    pub(super) fn public_p256(point: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(malformed)?;
        Self::public(DecodingKey::from_ec_der(point), Algorithm::Es256, id)
    }

    /// From a point in its compressed form (RFC 8032 section 5.1.2).
    pub(super) fn public_ed25519(point: &[u8], id: Option<String>) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&ED25519, point).map_err(malformed)?;
        Self::public(DecodingKey::from_ed_der(point), Algorithm::EdDsa, id)
    }
}
