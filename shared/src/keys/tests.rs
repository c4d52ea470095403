//! What is a key and what is not, form by form.

mod jwk;
mod pem;
pub(crate) mod pem_of;
mod set;

use proptest::prelude::*;

use super::*;
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
fn a_text_of_32_bytes_is_an_hs256_key_without_a_name() {
    let keys = read("a text of thirty-two characters.").unwrap();
    let key = keys.signing().unwrap();
    assert_eq!((key.algorithm(), key.id()), (Algorithm::Hs256, None));
    assert!(fits(key, key));
    assert!(key.public_jwk().is_none());
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
    let url_safe = "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K_-8";
    for (text, kind) in [
        (&format!("ssh-ed25519 {SSH} ada@example.com")[..], "an SSH key"),
        ("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=", "an SSH key"),
        (SSH, "a key in Base64"),
        (url_safe, "a key in Base64"),
        ("eyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IngifQ", "a key in Base64"),
        ("https://auth.example.com/.well-known/jwks.json", "a URL"),
        ("postgres+ssl://auth.example.com/a/long/path", "a URL"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt", "the name of a resource"),
        ("/run/secrets/jwt/a-long-folder/keys.json", "a path"),
        ("/data/a-long-folder/of-mine/keys.json", "a path"),
        ("../secrets/a/long/folder/of/mine/keys", "a path"),
        ("change-me-change-me-change-me-before-production", "a placeholder"),
        ("CHANGE_ME_0123456789abcdef0123456789abcdef", "a placeholder"),
        ("<your secret goes here, 32 bytes or more>", "a placeholder"),
        (&"x".repeat(32), "a few characters"),
        (&"ab12".repeat(9), "a few characters"),
        (&"password".repeat(4), "a few characters"),
        ("12345678901234567890123456789012", "a few characters"),
        ("0123456789abcdef0123456789abcdef", "a few characters"),
        ("a-string-secret-at-least-256-bits-long", "a placeholder"),
        ("your-super-secret-jwt-token-with-at-least-32-characters-long", "a placeholder"),
        ("MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYD", "a key in Base64"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "a few characters"),
    ] {
        match refusal(text) {
            KeyError::PublicText(found) => assert!(found.starts_with(kind), "{text}: {found}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    /// Base64 and hexadecimal digits, with a `/` in front more often than by chance.
    #[test]
    fn a_secret_at_random_is_one(bytes: [u8; 32], slash: bool) {
        use base64::{Engine, engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD}};

        let hex: String = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| {
            char::from_digit(digit.into(), 16).expect("a digit")
        }).collect();
        let base64 = format!("{}{}", if slash { "/" } else { "" }, STANDARD.encode(bytes));
        for text in [base64, URL_SAFE_NO_PAD.encode(bytes), hex[..32].to_owned(), hex] {
            prop_assert!(read(&text).is_ok(), "{text}");
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
        let keys = read(&material).unwrap();
        let shown = format!("{keys:?}");
        assert!(shown.len() < 120 && !shown.contains("canary"), "{shown}");
    }
}

proptest! {
    #[test]
    fn random_bytes_in_base64_are_a_text(
        first in prop::sample::select(vec![None, Some(2), Some(3), Some(4), Some(0x30)]),
        mut bytes in prop::collection::vec(any::<u8>(), 24..140),
    ) {
        use base64::{Engine, engine::general_purpose::STANDARD};

        bytes[0] = first.unwrap_or(bytes[0]);
        for length in [24, 32, 33, 48, 65, 97, bytes.len()] {
            let text = STANDARD.encode(&bytes[..length.min(bytes.len())]);
            let keys = read(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(keys.signing().map(Key::algorithm), Some(Algorithm::Hs256));
        }
    }

}
