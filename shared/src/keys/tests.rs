//! What is a key and what is not, form by form.

mod jwk;
#[cfg(feature = "key-management")]
mod jwk_set;
pub(crate) mod pem_of;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::secrets::Versions;
use jwk::set;
use pem_of::pem_of;

fn read(material: &str) -> Result<Keys, KeyError> {
    Keys::read(&material.into())
}

/// The error that `material` is refused with.
fn refusal(material: &str) -> KeyError {
    match read(material) {
        Ok(keys) => panic!("{keys:?}"),
        Err(error) => error,
    }
}

/// Whether what `signer` signs, `verifier` verifies, and nothing else.
fn fits(signer: &Key, verifier: &Key) -> bool {
    let signature = signer.sign(b"message").expect("a signature");
    assert!(!verifier.verifies(b"another message", &signature).unwrap());
    verifier.verifies(b"message", &signature).unwrap()
}

#[test]
fn a_short_or_blank_text_is_refused() {
    for text in ["", &"x".repeat(31), &" ".repeat(99), &"\n\t".repeat(99), &"\u{a0}".repeat(64)] {
        assert_eq!(refusal(text), KeyError::TooShort, "{text:?}");
    }
}

#[test]
fn what_others_know_or_guess_is_no_secret() {
    const SSH: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUo2ErT1YHSEVb5u1y1mI0VLPUtbvnu8ZIOnNXhE";
    for (text, kind) in [
        (&format!("ssh-ed25519 {SSH} ada@example.com")[..], "an SSH key"),
        ("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=", "an SSH key"),
        (SSH, "a key in Base64"),
        ("LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K_-8", "a key in Base64"),
        ("eyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IngifQ", "a key in Base64"),
        ("MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYD", "a key in Base64"),
        ("https://auth.example.com/.well-known/jwks.json", "a URL"),
        ("postgres+ssl://auth.example.com/a/long/path", "a URL"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt", "the name of a resource"),
        ("/run/secrets/jwt/withoutanyother/mark", "a path"),
        ("/data/a-long-folder/of-mine/its_keys", "a path"),
        ("/secrets/production/jwtsigningkey", "a path"),
        ("../secrets/a/long/folder/of/mine/keys", "a path"),
        ("change-me-change-me-change-me-before-production", "a placeholder"),
        ("CHANGE_ME_0123456789abcdef0123456789abcdef", "a placeholder"),
        ("<your secret goes here, 32 bytes or more>", "a placeholder"),
        ("a-string-secret-at-least-256-bits-long", "a placeholder"),
        ("your-super-secret-jwt-token-with-at-least-32-characters-long", "a placeholder"),
        (&"x".repeat(32), "a few characters"),
        (&"password".repeat(4), "a few characters"),
        ("12345678901234567890123456789012", "a few characters"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "a few characters"),
    ] {
        match refusal(text) {
            KeyError::PublicText(found) => assert!(found.starts_with(kind), "{text}: {found}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    /// Base64 and hexadecimal digits, with a `/` in front and with the bytes that a key in DER
    /// begins with more often than by chance.
    #[test]
    fn a_secret_at_random_is_one(
        first in prop::sample::select(vec![None, Some(2), Some(3), Some(4), Some(0x30)]),
        mut bytes in prop::collection::vec(any::<u8>(), 32..140),
        slash: bool,
    ) {
        bytes[0] = first.unwrap_or(bytes[0]);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let hex: String = digits.filter_map(|it| char::from_digit(it.into(), 16)).collect();
        let mut texts = vec![hex[..32].to_owned(), hex];
        for length in [32, 33, 48, 65, 97, bytes.len()] {
            let bytes = &bytes[..length.min(bytes.len())];
            texts.extend([STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)]);
            texts.push(format!("{}{}", if slash { "/" } else { "" }, STANDARD.encode(bytes)));
        }
        for text in texts {
            let keys = read(&text).map_err(|error| TestCaseError::fail(format!("{text} {error}")))?;
            prop_assert_eq!(keys.signing().map(|key| key.algorithm), Some(Algorithm::Hs256));
        }
    }
}

#[test]
fn what_was_meant_as_json_is_no_text() {
    let blanks = " ".repeat(99);
    for json in [
        format!(r#"{{"JWT_SECRET":"{}"}}"#, "x".repeat(99)),
        format!("[{{\"kty\":\"RSA\"}}]{blanks}"),
        format!("{{\"keys\":[{blanks}"),
        format!("\n{{\"keys\":{{}}}}{blanks}"),
        format!("{{\"keys\":[1]}}{blanks}"),
        format!("{{}}{blanks}"),
    ] {
        assert_eq!(refusal(&json), KeyError::NotAJwkSet, "{json}");
    }
    assert_eq!(refusal(&format!("{{\"keys\":[]}}{blanks}")), KeyError::Empty);
}

#[test]
fn debug_does_not_show_the_key() {
    for material in ["canary in a mine of coal, 1234".repeat(2), pem_of("ed25519").to_owned()] {
        let shown = format!("{:?}", read(&material).unwrap());
        assert!(shown.len() < 120 && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_private_pem_key_signs_what_its_public_half_verifies() {
    for (private, public, algorithm) in [
        ("rsa-2048", "rsa-2048-public", Algorithm::Rs256),
        ("rsa-2048-pkcs1", "rsa-2048-public", Algorithm::Rs256),
        ("p256", "p256-public", Algorithm::Es256),
        ("p256-sec1", "p256-public", Algorithm::Es256),
        ("ed25519", "ed25519-public", Algorithm::EdDsa),
    ] {
        let (private, public) = (read(pem_of(private)).unwrap(), read(pem_of(public)).unwrap());
        let signer = private.signing().unwrap();
        let verifier = public.iter().next().unwrap();
        assert_eq!((signer.algorithm, verifier.algorithm), (algorithm, algorithm));
        assert!(fits(signer, verifier) && fits(signer, signer), "{algorithm:?}");
        assert_eq!(signer.id.as_deref().map(str::len), Some(43), "a thumbprint");
        assert!(verifier.sign(b"").is_err(), "{algorithm:?}");
        assert_eq!(private.public_set(), public.public_set());
    }
}

#[test]
fn line_ends_and_text_around_pem_do_not_matter() {
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

/// The lines between the first and the last.
fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n")
}

#[test]
fn unusable_pem_is_refused_each_with_its_reason() {
    use KeyError::{Malformed, NoPemKey, SeveralPemKeys, SmallRsaKey, WrongCurve};
    let p256 = pem_of("p256");
    for (why, material, expected) in [
        ("RSA of 1024 bits", pem_of("rsa-1024"), SmallRsaKey),
        ("a public one", pem_of("rsa-1024-public"), SmallRsaKey),
        ("P-384", pem_of("p384"), WrongCurve),
        ("P-384 as SEC 1", pem_of("p384-sec1"), WrongCurve),
        ("public P-384", pem_of("p384-public"), WrongCurve),
        ("secp256k1", pem_of("secp256k1"), WrongCurve),
        ("Ed448", pem_of("ed448"), Malformed),
        ("X25519", pem_of("x25519"), Malformed),
        ("RSA for PSS alone", pem_of("rsa-pss"), Malformed),
        ("a compressed point", pem_of("p256-public-compressed"), Malformed),
        ("damaged", &p256.replace("MIG", "AAA"), Malformed),
        ("encrypted", pem_of("p256-encrypted"), NoPemKey),
        ("a certificate", pem_of("certificate"), NoPemKey),
        ("truncated", &p256[..p256.len() - 20], NoPemKey),
        ("its lines joined by blanks", &p256.replace('\n', " "), NoPemKey),
        ("its line ends escaped", &p256.replace('\n', "\\n"), NoPemKey),
        ("in quotes", &format!("{p256:?}"), NoPemKey),
        ("two keys", &format!("{p256}{}", pem_of("ed25519")), SeveralPemKeys),
        ("private and public", &format!("{p256}{}", pem_of("p256-public")), SeveralPemKeys),
    ] {
        assert_eq!(refusal(material), expected, "{why}");
    }
}

#[test]
fn no_key_without_its_first_and_last_line_is_a_secret() {
    let names = include_str!("tests/keys.pem").lines().filter_map(|it| it.strip_prefix("## "));
    for pem in names.map(pem_of).filter(|pem| pem.matches("-----BEGIN").count() == 1) {
        let one_line = bare(pem).replace('\n', "");
        for text in [bare(pem), one_line, STANDARD.encode(pem)] {
            assert!(matches!(refusal(&text), KeyError::PublicText(_)), "{text}");
        }
    }
}

fn oct(id: Option<&str>, letter: &str) -> Value {
    json!({ "kid": id, "kty": "oct", "k": letter.repeat(64) })
}

fn ed25519(id: &str, x: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": x })
}

fn ids(keys: &Keys) -> Vec<Option<&str>> {
    keys.iter().map(|key| key.id.as_deref()).collect()
}

fn versions(current: &str, previous: Option<&str>) -> Versions {
    Versions { current: current.into(), pending: None, previous: previous.map(Into::into) }
}

#[test]
fn the_first_key_that_can_sign_signs_and_all_verify() {
    let public = ed25519("public", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let keys = [public, oct(Some("one"), "a"), oct(Some("two"), "b")];
    let keys = read(&set(&keys)).unwrap();
    assert_eq!(ids(&keys), [Some("public"), Some("one"), Some("two")]);
    assert_eq!(keys.signing().unwrap().id.as_deref(), Some("one"));
}

#[test]
fn what_was_before_verifies_and_does_not_sign() {
    let (now, before) = (set(&[oct(Some("two"), "b")]), set(&[oct(Some("one"), "a")]));
    let keys = Keys::read_versions(&versions(&now, Some(&before)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two"), Some("one")]);
    assert_eq!(keys.iter().map(Key::can_sign).collect::<Vec<_>>(), [true, false]);

    let same_name = set(&[oct(Some("two"), "c"), oct(Some("one"), "b")]);
    let keys = Keys::read_versions(&versions(&now, Some(&same_name)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two"), Some("two"), Some("one")], "another key of that name");

    let keys = Keys::read_versions(&versions(&now, Some(&now)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two")], "the same key once");

    let keys = Keys::read_versions(&versions(&now, Some("a placeholder")), KeyUse::Sign);
    assert_eq!(ids(&keys.unwrap()), [Some("two")]);
}

#[test]
fn of_two_public_keys_of_one_name_the_current_one_is_published() {
    let current = set(&[ed25519("one", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]);
    let previous = set(&[ed25519("one", "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")]);
    let keys = Keys::read_versions(&versions(&current, Some(&previous)), KeyUse::Verify).unwrap();
    assert_eq!(keys.iter().count(), 2);
    assert_eq!(keys.public_set(), read(&current).unwrap().public_set());
}

#[test]
fn a_key_that_signs_is_needed_for_signing_alone() {
    let public = versions(pem_of("p256-public"), Some(pem_of("p256")));
    assert!(Keys::read_versions(&public, KeyUse::Verify).is_ok());
    let refused = Keys::read_versions(&public, KeyUse::Sign).map(drop);
    assert_eq!(refused, Err(KeyError::CannotSign));
    for private in [pem_of("p256"), &set(&[oct(Some("one"), "a")])] {
        let keys = Keys::read_versions(&versions(private, None), KeyUse::Verify).unwrap();
        assert!(keys.signing().is_none(), "{keys:?}");
    }
}
