//! Public keys: verification, their JWK, and the name that follows from it.

use aws_lc_rs::{
    digest,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{Algorithm, KeyError};

/// The least size of an RSA key (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The numbers that make a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Modulus and exponent, big-endian and without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The coordinates of a point on P-256, of 32 bytes each.
    P256 { x: [u8; 32], y: [u8; 32] },
    /// A point on Curve25519 in its compressed form.
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// A point in the uncompressed form of SEC 1 section 2.3.3.
    pub(super) fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let coordinates = point.strip_prefix(&[4]).and_then(|rest| rest.split_at_checked(32));
        let coordinates = coordinates.and_then(|(x, y)| x.try_into().ok().zip(y.try_into().ok()));
        let (x, y) = coordinates.ok_or(KeyError::Malformed("a public key"))?;
        Ok(Self::P256 { x, y })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256 { .. } => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The key made ready for verifying.
    pub(super) fn verifier(&self) -> Result<ParsedPublicKey, KeyError> {
        let parsed = match self {
            Self::Rsa { n, e } => {
                let zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
                if n.len() * 8 - zeros < MIN_RSA_BITS {
                    return Err(KeyError::SmallRsaKey);
                }
                let numbers = RsaPublicKeyComponents { n, e };
                // Made from its encoding, which checks the numbers.
                let key = numbers.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
                key.and_then(|key| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.as_ref()))
            }
            Self::P256 { x, y } => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4][..], x, y].concat())
            }
            Self::Ed25519(point) => ParsedPublicKey::new(&ED25519, point),
        };
        parsed.map_err(|_| KeyError::Malformed("a public key"))
    }

    pub(super) fn members(&self) -> PublicMembers {
        let encode = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        match self {
            Self::Rsa { n, e } => {
                PublicMembers { kty: "RSA", n: encode(n), e: encode(e), ..Default::default() }
            }
            Self::P256 { x, y } => PublicMembers {
                kty: "EC",
                crv: Some("P-256"),
                x: encode(x),
                y: encode(y),
                ..Default::default()
            },
            Self::Ed25519(point) => PublicMembers {
                kty: "OKP",
                crv: Some("Ed25519"),
                x: encode(point),
                ..Default::default()
            },
        }
    }
}

/// The members of a JWK that are the public key itself (RFC 7518 section 6, RFC 8037
/// section 2), in the order that RFC 7638 section 3 asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(super) struct PublicMembers {
    /// The curve, of EC and Ed25519 keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    crv: Option<&'static str>,
    /// The exponent, of RSA keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    e: Option<String>,
    /// `EC`, `OKP` or `RSA`.
    kty: &'static str,
    /// The modulus, of RSA keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    n: Option<String>,
    /// The point, of EC and Ed25519 keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    x: Option<String>,
    /// The other half of it, of EC keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    y: Option<String>,
}

impl PublicMembers {
    /// The thumbprint of RFC 7638 section 3, with SHA-256 and in Base64url.
    pub(super) fn thumbprint(&self) -> String {
        let json = serde_json::to_vec(self).expect("texts are JSON");
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 section 3.1 and RFC 8037 appendix A.3.
    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a\
                       PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXAr\
                       wl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d\
                       0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd\
                       2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = PublicKey::Rsa { n: decode(modulus), e: vec![1, 0, 1] };
        let point = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let ed25519 = PublicKey::Ed25519(point.try_into().unwrap());
        for (key, thumbprint) in [
            (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ed25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(key.members().thumbprint(), thumbprint);
            assert!(key.verifier().is_ok());
        }
    }
}
