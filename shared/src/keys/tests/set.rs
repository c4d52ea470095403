//! Several keys at once.

use serde_json::{Value, json};

use super::{jwk::set, *};
use crate::secrets::Versions;

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
