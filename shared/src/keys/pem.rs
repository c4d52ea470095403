//! PEM (RFC 7468): PKCS#8, PKCS#1 and SEC 1 private keys, and public keys.

use aws_lc_rs::{
    error::KeyRejected,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING,
        ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
        ED25519, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::pem::{SectionKind, SliceIter};
use zeroize::Zeroizing;

use super::{Key, KeyError, private_key::PrivateKey, public_key::PublicKey};

/// Whether the text can only be meant as PEM: also if it is in Base64 once more, or has lost
/// its first and last line. A public key must never become the secret of an HMAC.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ") || {
        let base64 = Zeroizing::new(text.split_whitespace().collect::<String>());
        let bytes = STANDARD.decode(base64.as_str()).map(Zeroizing::new);
        bytes.is_ok_and(|bytes| {
            bytes.starts_with(b"-----BEGIN ") || pkcs8(&bytes).is_ok() || public_key(&bytes).is_ok()
        })
    }
}

/// The one key in the text.
pub(super) fn read(text: &str) -> Result<Key, KeyError> {
    let mut keys = sections(text)?.into_iter();
    match (keys.next(), keys.next()) {
        (None, _) => Err(KeyError::NoPemKey),
        (Some((kind, der)), None) => read_section(kind, &der),
        (Some(_), Some(_)) => Err(KeyError::SeveralPemKeys),
    }
}

type Section = (SectionKind, Zeroizing<Vec<u8>>);

/// The sections that are keys. Others are passed over, as the curve's parameters that
/// OpenSSL puts in front of a key.
fn sections(text: &str) -> Result<Vec<Section>, KeyError> {
    let mut keys = Vec::new();
    for section in SliceIter::<(SectionKind, Vec<u8>)>::new(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| KeyError::NoPemKey)?;
        let der = Zeroizing::new(der);
        if is_key(kind) {
            keys.push((kind, der));
        }
    }
    Ok(keys)
}

fn is_key(kind: SectionKind) -> bool {
    use SectionKind::{EcPrivateKey, PrivateKey, PublicKey, RsaPrivateKey};
    matches!(kind, PrivateKey | RsaPrivateKey | EcPrivateKey | PublicKey)
}

fn read_section(kind: SectionKind, der: &[u8]) -> Result<Key, KeyError> {
    match kind {
        SectionKind::PrivateKey => Key::from_private_key(pkcs8(der)?, None),
        SectionKind::RsaPrivateKey => {
            Key::from_private_key(checked_rsa(RsaKeyPair::from_der(der))?, None)
        }
        SectionKind::EcPrivateKey => Key::from_private_key(sec1(der)?, None),
        SectionKind::PublicKey => Key::from_public_key(&public_key(der)?, None),
        _ => Err(KeyError::NoPemKey),
    }
}

/// The kind of a PKCS#8 key is found by trying: each parser takes its own kind alone.
fn pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
        return Ok(PrivateKey::Ed25519(pair));
    }
    match checked_rsa(RsaKeyPair::from_pkcs8(der)) {
        Err(KeyError::Malformed(_)) => sec1(der),
        outcome => outcome,
    }
}

fn checked_rsa(parsed: Result<RsaKeyPair, KeyRejected>) -> Result<PrivateKey, KeyError> {
    parsed.map(PrivateKey::Rsa).map_err(|rejected| match rejected.to_string().as_str() {
        "TooSmall" => KeyError::SmallRsaKey,
        _ => KeyError::Malformed("an RSA private key"),
    })
}

/// SEC 1, bare or in PKCS#8.
fn sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
    if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
        return Ok(PrivateKey::P256(pair));
    }
    let others = [
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        &ECDSA_P521_SHA512_FIXED_SIGNING,
        &ECDSA_P256K1_SHA256_FIXED_SIGNING,
    ];
    if others.iter().any(|curve| EcdsaKeyPair::from_private_key_der(curve, der).is_ok()) {
        return Err(KeyError::WrongCurve);
    }
    Err(KeyError::Malformed("a private key"))
}

/// An X.509 `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
fn public_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    if let Ok(key) = rsa::PublicKey::from_der(der) {
        let [n, e] = [key.modulus(), key.exponent()]
            .map(|number| number.big_endian_without_leading_zero().to_vec());
        return Ok(PublicKey::Rsa { n, e });
    }
    // The point ends the structure, uncompressed as OpenSSL and Java write it.
    if ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).is_ok() {
        return PublicKey::p256(&der[der.len().saturating_sub(65)..]);
    }
    if ParsedPublicKey::new(&ED25519, der).is_ok() {
        let point = der[der.len().saturating_sub(32)..].try_into();
        return point.map(PublicKey::Ed25519).map_err(|_| KeyError::Malformed("a public key"));
    }
    let others = [&ECDSA_P384_SHA384_FIXED, &ECDSA_P521_SHA512_FIXED];
    if others.iter().any(|curve| ParsedPublicKey::new(*curve, der).is_ok()) {
        return Err(KeyError::WrongCurve);
    }
    Err(KeyError::Malformed("a public key"))
}
