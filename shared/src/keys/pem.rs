//! PEM (RFC 7468): PKCS#8, PKCS#1 and SEC 1 private keys, and public keys.

use aws_lc_rs::{
    error::KeyRejected,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING,
        ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::DecodingKey;
use rustls_pki_types::pem::{SectionKind, SliceIter};
use zeroize::Zeroizing;

use super::{Key, KeyError, private_key::PrivateKey, public_key};

/// What stands before the point in the `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410
/// section 4).
const ED25519_INFO: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// The same for P-256 (RFC 5480 section 2), with the point uncompressed as everybody
/// writes it.
const P256_INFO: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// The first byte of both, and of every other.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// Whether the text can only be meant as PEM: also if it is in Base64 once more, or has lost
/// its first and last line. A public key must never become the secret of an HMAC, even one
/// that is of no use here.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ") || {
        let base64 = Zeroizing::new(text.split_whitespace().collect::<String>());
        let bytes = STANDARD.decode(base64.as_str()).map(Zeroizing::new);
        bytes.is_ok_and(|bytes| {
            bytes.starts_with(b"-----BEGIN ") || is_der_key(&bytes) || spki(&bytes).is_ok()
        })
    }
}

/// Whether the bytes begin as a key of any kind does in DER: a sequence, and in it the
/// algorithm (`SubjectPublicKeyInfo`) or the version (PKCS#8, PKCS#1, SEC 1). There may be
/// more behind it. One in a thousand million random texts begins so too.
pub(super) fn is_der_key(bytes: &[u8]) -> bool {
    let (length, content) = match *bytes {
        [SEQUENCE, length @ 0..=127, ref content @ ..]
        | [SEQUENCE, 0x81, length, ref content @ ..] => (usize::from(length), content),
        [SEQUENCE, 0x82, high, low, ref content @ ..] => {
            (usize::from(u16::from_be_bytes([high, low])), content)
        }
        _ => return false,
    };
    let starts_as_a_key =
        matches!(content, [SEQUENCE, _, OBJECT_IDENTIFIER, 3..=10, ..] | [INTEGER, 1, 0 | 1, ..]);
    starts_as_a_key && length <= content.len()
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
        SectionKind::PrivateKey => Key::from_private_key(&pkcs8(der)?, None),
        SectionKind::RsaPrivateKey => {
            Key::from_private_key(&checked_rsa(RsaKeyPair::from_der(der))?, None)
        }
        SectionKind::EcPrivateKey => Key::from_private_key(&sec1(der)?, None),
        SectionKind::PublicKey => Key::from_public_key(spki(der)?, None),
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

/// An X.509 `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) and nothing less: the library
/// would also take bare points, such as any 32 bytes for Ed25519.
fn spki(der: &[u8]) -> Result<DecodingKey, KeyError> {
    if let Some(point) = der.strip_prefix(ED25519_INFO) {
        return public_key::ed25519(point);
    }
    if let Some(point) = der.strip_prefix(P256_INFO) {
        return public_key::p256(point);
    }
    if let Ok(key) = rsa::PublicKey::from_der(der) {
        return public_key::rsa(
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
        );
    }
    let others = [&ECDSA_P384_SHA384_FIXED, &ECDSA_P521_SHA512_FIXED];
    let is_info = der.first() == Some(&SEQUENCE);
    if is_info && others.iter().any(|curve| ParsedPublicKey::new(*curve, der).is_ok()) {
        return Err(KeyError::WrongCurve);
    }
    Err(KeyError::Malformed("a public key"))
}
