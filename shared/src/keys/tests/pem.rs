//! PEM keys, as OpenSSL writes them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const RSA_2048: &str = include_str!("pem/rsa-2048.pem");
const RSA_2048_PKCS1: &str = include_str!("pem/rsa-2048-pkcs1.pem");
const RSA_2048_PUBLIC: &str = include_str!("pem/rsa-2048-public.pem");
const P256: &str = include_str!("pem/p256.pem");
const P256_SEC1: &str = include_str!("pem/p256-sec1.pem");
const P256_PUBLIC: &str = include_str!("pem/p256-public.pem");
const ED25519: &str = include_str!("pem/ed25519.pem");
const ED25519_PUBLIC: &str = include_str!("pem/ed25519-public.pem");

#[test]
fn a_private_key_signs_what_its_public_half_verifies() {
    for (private, public, algorithm) in [
        (RSA_2048, RSA_2048_PUBLIC, Algorithm::Rs256),
        (RSA_2048_PKCS1, RSA_2048_PUBLIC, Algorithm::Rs256),
        (P256, P256_PUBLIC, Algorithm::Es256),
        (P256_SEC1, P256_PUBLIC, Algorithm::Es256),
        (ED25519, ED25519_PUBLIC, Algorithm::EdDsa),
    ] {
        let (private, public) = (read(private).unwrap(), read(public).unwrap());
        let signer = private.signing().unwrap();
        let verifier = public.iter().next().unwrap();
        assert_eq!((signer.algorithm(), verifier.algorithm()), (algorithm, algorithm));
        assert!(fits(signer, verifier), "{algorithm:?}");
        assert!(fits(signer, signer), "{algorithm:?}");
        assert_eq!(signer.id().map(str::len), Some(43), "a thumbprint");
        assert_eq!(signer.id(), verifier.id());
        assert!(public.signing().is_none() && verifier.sign(b"").is_err(), "{algorithm:?}");
        assert_eq!(private.public_set(), public.public_set());
    }
}

#[test]
fn no_key_without_its_first_and_last_line_is_a_secret() {
    for (why, pem) in [
        ("a public key on another curve", include_str!("pem/p384-public.pem")),
        ("a compressed point", include_str!("pem/p256-public-compressed.pem")),
        ("a small public RSA key", include_str!("pem/rsa-1024-public.pem")),
        ("a small RSA key", include_str!("pem/rsa-1024.pem")),
        ("RSA for PSS alone", include_str!("pem/rsa-pss.pem")),
        ("PKCS#1", RSA_2048_PKCS1),
        ("SEC 1", include_str!("pem/p384-sec1.pem")),
        ("Ed448", include_str!("pem/ed448.pem")),
        ("X25519", include_str!("pem/x25519.pem")),
        ("secp256k1", include_str!("pem/secp256k1.pem")),
    ] {
        assert_eq!(refusal(&bare(pem)), KeyError::NoPemKey, "{why}");
    }
}

/// The lines between the first and the last.
fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n")
}

#[test]
fn line_ends_and_text_around_do_not_matter() {
    for material in [
        P256.replace('\n', "\r\n"),
        format!("  a comment\n{P256}\n\n"),
        format!("{}{P256}", include_str!("pem/certificate.pem")),
        P256.trim_end().to_owned(),
    ] {
        assert!(read(&material).is_ok(), "{material}");
    }
}

#[test]
fn unusable_pem_is_refused_each_with_its_reason() {
    use KeyError::{Malformed, NoPemKey, SeveralPemKeys, SmallRsaKey, WrongCurve};
    let damaged = P256.replace("MIG", "AAA");
    let truncated = &P256[..P256.len() - 20];
    for (why, material, expected) in [
        ("RSA of 1024 bits", include_str!("pem/rsa-1024.pem"), SmallRsaKey),
        ("a public one", include_str!("pem/rsa-1024-public.pem"), SmallRsaKey),
        ("P-384", include_str!("pem/p384.pem"), WrongCurve),
        ("P-384 as SEC 1", include_str!("pem/p384-sec1.pem"), WrongCurve),
        ("public P-384", include_str!("pem/p384-public.pem"), WrongCurve),
        ("secp256k1", include_str!("pem/secp256k1.pem"), WrongCurve),
        ("Ed448", include_str!("pem/ed448.pem"), Malformed("a private key")),
        ("X25519", include_str!("pem/x25519.pem"), Malformed("a private key")),
        ("RSA for PSS alone", include_str!("pem/rsa-pss.pem"), Malformed("a private key")),
        (
            "a compressed point",
            include_str!("pem/p256-public-compressed.pem"),
            Malformed("a public key"),
        ),
        ("damaged", &damaged, Malformed("a private key")),
        ("encrypted", include_str!("pem/p256-encrypted.pem"), NoPemKey),
        ("a certificate", include_str!("pem/certificate.pem"), NoPemKey),
        ("truncated", truncated, NoPemKey),
        ("its lines joined by blanks", &P256.replace('\n', " "), NoPemKey),
        ("its line ends escaped", &P256.replace('\n', "\\n"), NoPemKey),
        ("in quotes", &format!("{P256:?}"), NoPemKey),
        ("in Base64 once more", &STANDARD.encode(P256), NoPemKey),
        ("a public key without its first and last line", &bare(P256_PUBLIC), NoPemKey),
        ("a private key in one line", &bare(RSA_2048).replace('\n', ""), NoPemKey),
        ("two keys", &format!("{P256}{ED25519}"), SeveralPemKeys),
        ("private and public", &format!("{P256}{P256_PUBLIC}"), SeveralPemKeys),
    ] {
        assert_eq!(refusal(material), expected, "{why}");
    }
}
