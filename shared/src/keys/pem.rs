//! PEM (RFC 7468): PKCS#8, PKCS#1 and SEC 1 private keys, and public keys.

use aws_lc_rs::{
    error::KeyRejected,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256_SIGNING,
        ECDSA_P256K1_SHA256_FIXED_SIGNING as P256K1_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING as P384_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING as P521_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
    },
};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use rustls_pki_types::pem::{SectionKind, SliceIter};

use super::{Key, KeyError, malformed};

/// RFC 8017 appendix A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 section 2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 8410 section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Whether the text can only be meant as PEM.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ")
}

/// The one key in the text. Other sections are passed over, such as the parameters of its curve. A
/// line break may also be a backslash and an `n`, as secret stores write it.
pub(super) fn read(text: &str) -> Result<Key, KeyError> {
    let text = text.replace("\\n", "\n");
    let mut keys = Vec::new();
    for section in SliceIter::<(SectionKind, Vec<u8>)>::new(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| KeyError::NoPemKey)?;
        keys.extend(match kind {
            SectionKind::PrivateKey => Some(pkcs8(&der)),
            SectionKind::RsaPrivateKey => {
                Some(accepted(RsaKeyPair::from_der(&der)).and_then(|pair| Key::rsa(&pair)))
            }
            SectionKind::EcPrivateKey => Some(sec1(&der)),
            SectionKind::PublicKey => Some(spki(&der)),
            _ => None,
        });
    }
    if keys.len() > 1 {
        return Err(KeyError::SeveralPemKeys);
    }
    keys.pop().unwrap_or(Err(KeyError::NoPemKey))
}

fn pkcs8(der: &[u8]) -> Result<Key, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(malformed)?;
    match info.algorithm.oids().map_err(malformed)? {
        (RSA, _) => Key::rsa(&accepted(RsaKeyPair::from_pkcs8(der))?),
        (EC, Some(P256)) => Key::p256(&accepted(EcdsaKeyPair::from_pkcs8(&P256_SIGNING, der))?),
        (ED25519, _) => Key::ed25519(&accepted(Ed25519KeyPair::from_pkcs8(der))?),
        (EC, _) => Err(KeyError::WrongCurve),
        _ => Err(KeyError::Malformed),
    }
}

fn accepted<P>(pair: Result<P, KeyRejected>) -> Result<P, KeyError> {
    pair.map_err(|rejected| match rejected.to_string().as_str() {
        "TooSmall" => KeyError::SmallRsaKey,
        _ => KeyError::Malformed,
    })
}

/// SEC 1 (RFC 5915), which may name its curve within. P-256 comes first: one that does not
/// would fit the larger curves as well.
fn sec1(der: &[u8]) -> Result<Key, KeyError> {
    let read = |curve| EcdsaKeyPair::from_private_key_der(curve, der);
    let others = [&P384_SIGNING, &P521_SIGNING, &P256K1_SIGNING];
    match read(&P256_SIGNING) {
        Err(_) if others.iter().any(|curve| read(curve).is_ok()) => Err(KeyError::WrongCurve),
        pair => Key::p256(&accepted(pair)?),
    }
}

/// An X.509 `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) and nothing less: aws-lc-rs
/// would also take bare points, such as any 32 bytes for Ed25519.
fn spki(der: &[u8]) -> Result<Key, KeyError> {
    let info = SubjectPublicKeyInfoRef::try_from(der).map_err(malformed)?;
    let point = info.subject_public_key.raw_bytes();
    match info.algorithm.oids().map_err(malformed)? {
        (RSA, _) => Key::public_rsa(der),
        (EC, Some(P256)) => Key::public_p256(point),
        (ED25519, _) => Key::public_ed25519(point),
        (EC, _) => Err(KeyError::WrongCurve),
        _ => Err(KeyError::Malformed),
    }
}
