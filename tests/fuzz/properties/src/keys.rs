//! Key material: accepted keys sign and verify, keep their declared algorithm and name, and do not
//! publish secrets.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use shared::keys::{Algorithm, JwkSet, Key, KeyError, KeyKind, Keys, algorithm};

/// The input is the value of `JWT_SECRET`: a text, PEM, or a JWK Set.
pub(crate) fn key_material(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(keys) = check(text) else { return };
    if matches!(keys[..], [(Algorithm::HS256, None, _)]) && !text.contains("\"kty\"") {
        let is_json = serde_json::from_str::<Map<String, Value>>(text).is_ok();
        assert!(!is_json && !text.contains("-----BEGIN "), "JSON or PEM used as a secret");
        assert!(text.len() >= 32 && !text.trim().is_empty());
    }
}

/// The first line is the label of a PEM section, the rest its DER. The Base64 text without the
/// label must not be accepted as the secret of an HMAC, since a public key is not secret.
pub(crate) fn pem(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (Ok(label), der) = (std::str::from_utf8(&input[..end]), &input[end + 1..]) else { return };
    let body = STANDARD.encode(der);
    let is_key = match check(&format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")) {
        Ok(keys) => {
            assert!(keys.len() == 1 && keys[0].0 != Algorithm::HS256, "{keys:?}");
            assert_eq!(keys[0].1.as_ref().map(String::len), Some(43), "no thumbprint");
            true
        }
        Err(error) => matches!(error, KeyError::SmallRsaKey | KeyError::WrongCurve),
    };
    if is_key {
        assert!(matches!(check(&body), Err(KeyError::PublicText(_))), "accepted without its label");
    }
}

/// The input is one JWK of a set.
pub(crate) fn jwk(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(keys) = check(&format!(r#"{{"keys":[{text}]}}"#)) else { return };
    let Ok(Value::Object(jwk)) = serde_json::from_str(text) else { return };
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    let [(own, id, _)] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(member("kty") == Some("oct"), *own == Algorithm::HS256);
    assert!(member("use").is_none_or(|purpose| purpose == "sig"));
    assert!(member("alg").is_none_or(|name| algorithm(name) == Some(*own)));
    assert!(member("kid").is_none_or(|name| id.as_deref() == Some(name)));
}

/// The algorithm of each key, its `kid`, and whether it can sign.
type Summaries = Vec<(Algorithm, Option<String>, bool)>;

fn summaries(keys: &Keys) -> Summaries {
    let summary = |key: &Key| (key.algorithm, key.id.clone(), key.can_sign());
    keys.iter().map(summary).collect()
}

/// Checks the properties of all key material.
fn check(material: &str) -> Result<Summaries, KeyError> {
    let (read, set) = (Keys::read(&material.into()), JwkSet::read(&material.into()));
    assert_eq!(read.is_ok(), set.is_ok(), "login and auth-admin differ");
    let keys = read?;
    let all = summaries(&keys);
    let mut ids = HashSet::new();
    assert!(!all.is_empty() && all.iter().flat_map(|(_, id, _)| id).all(|id| ids.insert(id)));
    only_public_members_are_published(&keys);

    let written = set.and_then(|set| set.edit(|_| {})).expect("its own output");
    let again = &written.keys;
    assert_eq!(summaries(again), all, "writing has changed the set");
    assert_eq!(again.public_set(), keys.public_set());
    keys.iter().zip(again.iter()).for_each(|(key, again)| signs_what_it_verifies(key, again));
    Ok(all)
}

/// Checks that a key, and the same key after writing, verify its signatures.
fn signs_what_it_verifies(key: &Key, written: &Key) {
    let signed = key.sign(b"message");
    assert_eq!(signed.is_ok(), key.can_sign());
    let Ok(signature) = signed else { return };
    for key in [key, written] {
        let verifies = |message| key.verifies(message, &signature).expect("Base64url");
        assert!(verifies(b"message") && !verifies(b"another"), "for one message only");
    }
}

/// The published set has each asymmetric key without private members, and can be read as keys that
/// only verify.
fn only_public_members_are_published(keys: &Keys) {
    let text = keys.public_set();
    let set: Value = serde_json::from_str(&text).expect("JSON");
    let published = set["keys"].as_array().expect("a list");
    let asymmetric = keys.iter().filter(|key| key.kind != KeyKind::Symmetric).count();
    assert_eq!(published.len(), asymmetric);
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(published.iter().all(|jwk| jwk.get(private).is_none()), "{private} in {text}");
    }
    if !published.is_empty() {
        let read = Keys::read(&text.as_str().into()).expect("a set that others can read");
        assert_eq!((read.signing().is_none(), read.public_set()), (true, text));
    }
}
