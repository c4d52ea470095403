//! Public keys, checked by aws-lc-rs: jsonwebtoken takes numbers as they are.

use aws_lc_rs::{
    error::KeyRejected,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents,
    },
};
use jsonwebtoken::DecodingKey;

use super::KeyError;

/// The least size of an RSA key (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;
const ED25519_BYTES: usize = 32;
/// The first byte of an uncompressed point, and its length (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;
const P256_BYTES: usize = 65;

/// Modulus and exponent, big-endian.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<DecodingKey, KeyError> {
    let zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if n.len() * 8 - zeros < MIN_RSA_BITS {
        return Err(KeyError::SmallRsaKey);
    }
    let numbers = RsaPublicKeyComponents { n, e };
    // Made from its encoding, which checks the numbers.
    let key = numbers.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
    let key = key.and_then(|it| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, it.as_ref()));
    checked(key, || DecodingKey::from_rsa_raw_components(n, e))
}

/// A point on P-256 in the uncompressed form of SEC 1 section 2.3.3.
pub(super) fn p256(point: &[u8]) -> Result<DecodingKey, KeyError> {
    if point.len() != P256_BYTES || point.first() != Some(&UNCOMPRESSED) {
        return Err(KeyError::Malformed("a public key"));
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    checked(key, || DecodingKey::from_ec_der(point))
}

/// A point on Curve25519 in its compressed form (RFC 8032 section 5.1.2).
pub(super) fn ed25519(point: &[u8]) -> Result<DecodingKey, KeyError> {
    if point.len() != ED25519_BYTES {
        return Err(KeyError::Malformed("a public key"));
    }
    checked(ParsedPublicKey::new(&ED25519, point), || DecodingKey::from_ed_der(point))
}

fn checked(
    key: Result<ParsedPublicKey, KeyRejected>,
    make: impl FnOnce() -> DecodingKey,
) -> Result<DecodingKey, KeyError> {
    key.map(|_| make()).map_err(|_| KeyError::Malformed("a public key"))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::keys::Key;

    /// RFC 7638 section 3.1 and RFC 8037 appendix A.3.
    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a\
                       PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXAr\
                       wl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d\
                       0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd\
                       2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for (key, thumbprint) in [
            (rsa(&decode(modulus), &[1, 0, 1]), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ed25519(&decode(point)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            let key = Key::from_public_key(key.unwrap(), None).unwrap();
            assert_eq!(key.id(), Some(thumbprint));
        }
    }
}
