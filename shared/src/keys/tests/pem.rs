//! PEM keys, as OpenSSL writes them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

#[test]
fn a_private_key_signs_what_its_public_half_verifies() {
    for (private, public, algorithm) in [
        (pem_of("rsa-2048"), pem_of("rsa-2048-public"), Algorithm::Rs256),
        (pem_of("rsa-2048-pkcs1"), pem_of("rsa-2048-public"), Algorithm::Rs256),
        (pem_of("p256"), pem_of("p256-public"), Algorithm::Es256),
        (pem_of("p256-sec1"), pem_of("p256-public"), Algorithm::Es256),
        (pem_of("ed25519"), pem_of("ed25519-public"), Algorithm::EdDsa),
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
        ("a public key on another curve", pem_of("p384-public")),
        ("a compressed point", pem_of("p256-public-compressed")),
        ("a small public RSA key", pem_of("rsa-1024-public")),
        ("a small RSA key", pem_of("rsa-1024")),
        ("RSA for PSS alone", pem_of("rsa-pss")),
        ("PKCS#1", pem_of("rsa-2048-pkcs1")),
        ("SEC 1", pem_of("p384-sec1")),
        ("Ed448", pem_of("ed448")),
        ("X25519", pem_of("x25519")),
        ("secp256k1", pem_of("secp256k1")),
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
    let p256 = pem_of("p256");
    for material in [
        p256.replace('\n', "\r\n"),
        format!("  a comment\n{p256}\n\n"),
        format!("{}{p256}", pem_of("certificate")),
        p256.trim_end().to_owned(),
    ] {
        assert!(read(&material).is_ok(), "{material}");
    }
}

#[test]
fn unusable_pem_is_refused_each_with_its_reason() {
    use KeyError::{Malformed, NoPemKey, SeveralPemKeys, SmallRsaKey, WrongCurve};
    let (p256, p256_public, ed25519) = (pem_of("p256"), pem_of("p256-public"), pem_of("ed25519"));
    let damaged = p256.replace("MIG", "AAA");
    let truncated = &p256[..p256.len() - 20];
    for (why, material, expected) in [
        ("RSA of 1024 bits", pem_of("rsa-1024"), SmallRsaKey),
        ("a public one", pem_of("rsa-1024-public"), SmallRsaKey),
        ("P-384", pem_of("p384"), WrongCurve),
        ("P-384 as SEC 1", pem_of("p384-sec1"), WrongCurve),
        ("public P-384", pem_of("p384-public"), WrongCurve),
        ("secp256k1", pem_of("secp256k1"), WrongCurve),
        ("Ed448", pem_of("ed448"), Malformed("a private key")),
        ("X25519", pem_of("x25519"), Malformed("a private key")),
        ("RSA for PSS alone", pem_of("rsa-pss"), Malformed("a private key")),
        ("a compressed point", pem_of("p256-public-compressed"), Malformed("a public key")),
        ("damaged", &damaged, Malformed("a private key")),
        ("encrypted", pem_of("p256-encrypted"), NoPemKey),
        ("a certificate", pem_of("certificate"), NoPemKey),
        ("truncated", truncated, NoPemKey),
        ("its lines joined by blanks", &p256.replace('\n', " "), NoPemKey),
        ("its line ends escaped", &p256.replace('\n', "\\n"), NoPemKey),
        ("in quotes", &format!("{p256:?}"), NoPemKey),
        ("in Base64 once more", &STANDARD.encode(p256), NoPemKey),
        ("a public key without its first and last line", &bare(p256_public), NoPemKey),
        ("a private key in one line", &bare(pem_of("rsa-2048")).replace('\n', ""), NoPemKey),
        ("two keys", &format!("{p256}{ed25519}"), SeveralPemKeys),
        ("private and public", &format!("{p256}{p256_public}"), SeveralPemKeys),
    ] {
        assert_eq!(refusal(material), expected, "{why}");
    }
}
