//! Several keys at once.

use crate::secrets::Versions;

use super::*;

fn oct(id: Option<&str>, letter: &str) -> String {
    let id = id.map(|id| format!(r#""kid":"{id}","#)).unwrap_or_default();
    format!(r#"{{{id}"kty":"oct","k":"{}"}}"#, letter.repeat(64))
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn ids(keys: &Keys) -> Vec<Option<&str>> {
    keys.iter().map(Key::id).collect()
}

fn versions(current: &str, previous: Option<&str>) -> Versions {
    Versions { current: current.into(), pending: None, previous: previous.map(Into::into) }
}

#[test]
fn the_first_key_that_can_sign_signs_and_all_verify() {
    let public = r#"{"kty":"OKP","crv":"Ed25519","kid":"public",
                     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let keys = [public.to_owned(), oct(Some("one"), "a"), oct(Some("two"), "b")];
    let keys = read(&set(&keys)).unwrap();
    assert_eq!(ids(&keys), [Some("public"), Some("one"), Some("two")]);
    assert_eq!(keys.signing().unwrap().id(), Some("one"));
}

#[test]
fn a_token_with_a_kid_means_one_key_and_one_without_any() {
    let keys = read(&set(&[oct(None, "a"), oct(Some("one"), "b"), oct(None, "c")])).unwrap();
    let named = |kid| keys.named(kid).count();
    assert_eq!(
        (named(Some("one")), named(None), named(Some("")), named(Some("One"))),
        (1, 3, 0, 0)
    );
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let doubled = set(&[oct(Some("one"), "a"), oct(Some("two"), "b"), oct(Some("one"), "c")]);
    assert_eq!(refusal(&doubled), KeyError::DoubledKeyId.in_set(2));
}

#[test]
fn only_public_halves_are_published() {
    let keys = read(&set(&[oct(Some("one"), "a"), oct(None, "b")])).unwrap();
    assert_eq!(keys.public_set(), r#"{"keys":[]}"#);

    let keys = read(pem_of("p256")).unwrap();
    let set: serde_json::Value = serde_json::from_str(&keys.public_set()).unwrap();
    let members: Vec<&str> =
        set["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
}

#[test]
fn what_was_before_verifies_and_does_not_sign() {
    let (now, before) = (set(&[oct(Some("two"), "b")]), set(&[oct(Some("one"), "a")]));
    let keys = Keys::read_versions(&versions(&now, Some(&before)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two"), Some("one")]);
    assert_eq!(keys.iter().map(Key::can_sign).collect::<Vec<_>>(), [true, false]);

    let same_name = set(&[oct(Some("two"), "c"), oct(Some("two"), "b").replace("two", "one")]);
    let keys = Keys::read_versions(&versions(&now, Some(&same_name)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two"), Some("two"), Some("one")], "another key of that name");

    let keys = Keys::read_versions(&versions(&now, Some(&now)), KeyUse::Sign).unwrap();
    assert_eq!(ids(&keys), [Some("two")], "the same key once");

    let keys = Keys::read_versions(&versions(&now, Some("a placeholder")), KeyUse::Sign);
    assert_eq!(ids(&keys.unwrap()), [Some("two")]);
}

#[test]
fn of_two_public_keys_of_one_name_the_current_one_is_published() {
    let named = |name: &str, x: &str| {
        set(&[format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{name}","x":"{x}"}}"#)])
    };
    let current = named("one", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let pem = read(pem_of("ed25519-public")).unwrap().public_set();
    let x = pem.split(r#""x":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let previous = named("one", x);
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
