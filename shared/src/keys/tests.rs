//! What is a key and what is not, form by form.

mod jwk;
mod pem;
mod set;

use proptest::prelude::*;

use super::*;

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
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let signature = signer.sign(b"message").expect("a signature");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("Base64url");
    assert!(!verifier.verifies(b"another message", &signature));
    verifier.verifies(b"message", &signature)
}

#[test]
fn a_text_of_32_bytes_is_an_hs256_key_without_a_name() {
    let keys = read(&"x".repeat(32)).unwrap();
    let key = keys.signing().unwrap();
    assert_eq!((key.algorithm(), key.id()), (Algorithm::Hs256, None));
    assert!(fits(key, key));
    assert!(key.public_jwk().is_none());
}

#[test]
fn a_short_or_blank_text_is_refused() {
    for text in ["", &"x".repeat(31), &" ".repeat(99), &"\n\t".repeat(99)] {
        assert_eq!(refusal(text), KeyError::TooShort, "{text:?}");
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
    for material in ["canary".repeat(9), include_str!("tests/pem/ed25519.pem").to_owned()] {
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
