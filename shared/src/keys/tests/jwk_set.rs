//! New keys, keys written down, and sets that change.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{jwk::examples, *};
use crate::keys::jwk_set::written;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

fn set(text: &str) -> JwkSet {
    JwkSet::read(&text.into()).unwrap()
}

fn new(algorithm: Algorithm, id: Option<&str>) -> SecretString {
    generate(algorithm, id).unwrap()
}

fn only(set: &JwkSet) -> &Key {
    set.keys().iter().next().unwrap()
}

/// The members of the first key.
fn members(set: &JwkSet) -> Value {
    let text: Value = serde_json::from_str(set.text().expose_secret()).unwrap();
    text["keys"][0].clone()
}

#[test]
fn new_keys_of_every_algorithm_sign_and_say_what_they_are_for() {
    for algorithm in ALGORITHMS {
        let [one, other] = [(); 2].map(|()| JwkSet::of(&new(algorithm, None)).unwrap());
        assert!(fits(only(&one), only(&one)) && !fits(only(&one), only(&other)), "{algorithm:?}");
        let jwk = members(&one);
        assert_eq!((&jwk["alg"], &jwk["use"]), (&algorithm.name().into(), &"sig".into()));
        let has_name = algorithm != Algorithm::Hs256;
        assert_eq!(jwk["kid"].as_str().map(str::len), has_name.then_some(43), "a thumbprint");
        let named = JwkSet::of(&new(algorithm, Some("\"2026\""))).unwrap();
        assert_eq!(only(&named).id.as_deref(), Some("\"2026\""));
    }
}

/// RFC 7515 appendix A.3, RFC 8037 appendix A.1, and the smallest number on P-256, whose leading
/// zeros RFC 7518 section 6.2.2.1 wants to see.
#[test]
fn private_members_are_written_as_the_rfcs_have_them() {
    let [_, ec, ed25519] = examples();
    let smallest = json!({
        "kty": "EC", "crv": "P-256", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        "d": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    });
    for example in [ec, ed25519, smallest] {
        let keys = read(&jwk::set(std::slice::from_ref(&example))).unwrap();
        let set = JwkSet::of(&written(keys.signing().unwrap()).unwrap());
        let jwk = members(&set.unwrap());
        for (name, value) in example.as_object().unwrap() {
            assert_eq!(&jwk[name], value, "{name}");
        }
    }
}

#[test]
fn a_set_stays_what_it_was_around_a_change() {
    let text =
        r#" { "x\n\"": [1.50], "keys" : [ {"kty":"oct", "k":"SECRET", "ext":{"b":1,"a":1e2}} ] }"#;
    let text = text.replace("SECRET", &"a".repeat(64));
    let set = set(&text);
    assert_eq!(set.text().expose_secret(), text);
    let key = new(Algorithm::Hs256, None);
    let set = set.edit(|jwks| jwks.insert(0, key)).unwrap();
    let changed = set.text().expose_secret();
    assert!(changed.starts_with("{\"keys\":[\n{\"alg\""), "{changed}");
    assert!(changed.contains(",\n{\"kty\":\"oct\", \"k\":\"aa"), "{changed}");
    assert!(changed.contains("aa\", \"ext\":{\"b\":1,\"a\":1e2}}\n]"), "{changed}");
    assert!(changed.ends_with(r#","x\n\"":[1.50]}"#), "{changed}");
}

#[test]
fn what_the_service_could_not_read_is_no_result() {
    let set = JwkSet::of(&new(Algorithm::EdDsa, Some("one"))).unwrap();
    assert_eq!(set.edit(Vec::clear).unwrap_err(), KeyError::Empty);
    let refused = set.edit(|jwks| jwks.push(jwks[0].clone())).unwrap_err();
    assert_eq!(refused, KeyError::DoubledKeyId.in_set(1));
}

#[test]
fn a_private_key_that_may_only_verify_is_private_all_the_same() {
    let key = new(Algorithm::EdDsa, None);
    let key = key.expose_secret().replacen('{', r#"{"key_ops":["verify"],"#, 1);
    let set = JwkSet::of(&key.into()).unwrap();
    assert!(!only(&set).can_sign());
    assert_eq!(only(&set).kind, KeyKind::Private);
}
