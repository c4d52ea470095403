//! New keys, keys written down, and sets that change.

use serde_json::Value;

use crate::keys::{Key, generate, tests::pem_of::pem_of};

use super::*;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

fn set(text: &str) -> JwkSet {
    JwkSet::read(&text.into()).unwrap()
}

fn new(algorithm: Algorithm, id: Option<&str>) -> SecretString {
    generate(algorithm, id).unwrap()
}

/// The members of the key at this place.
fn members(set: &JwkSet, index: usize) -> Value {
    let text: Value = serde_json::from_str(set.text().expose_secret()).unwrap();
    text["keys"][index].clone()
}

fn fits(signer: &JwkSet, verifier: &JwkSet) -> bool {
    let signature = signer.keys().signing().unwrap().sign(b"message").unwrap();
    verifier.keys().iter().any(|key| key.verifies(b"message", &signature).unwrap())
}

#[test]
fn new_keys_of_every_algorithm_sign_and_verify() {
    for algorithm in ALGORITHMS {
        let [one, other] = [(); 2].map(|()| JwkSet::of(new(algorithm, None)).unwrap());
        assert_eq!(one.keys().signing().unwrap().algorithm(), algorithm);
        assert!(fits(&one, &one) && !fits(&one, &other), "{algorithm:?}");
    }
}

#[test]
fn new_keys_say_what_they_are_for() {
    for algorithm in ALGORITHMS {
        let new = JwkSet::of(new(algorithm, None)).unwrap();
        let jwk = members(&new, 0);
        assert_eq!((&jwk["alg"], &jwk["use"]), (&algorithm.name().into(), &"sig".into()));
        // That of the public half, which others compute.
        let thumbprint = new.keys().iter().next().unwrap().public_jwk().map(|public| {
            let mut public = serde_json::to_value(public).unwrap();
            public.as_object_mut().unwrap().remove("kid");
            let public = set(&serde_json::json!({ "keys": [public] }).to_string());
            Value::from(public.keys().iter().next().unwrap().id().unwrap())
        });
        assert_eq!(jwk.get("kid"), thumbprint.as_ref(), "none of a symmetric key");
    }
}

#[test]
fn a_new_key_is_called_as_was_asked_for() {
    for algorithm in ALGORITHMS {
        let set = JwkSet::of(new(algorithm, Some("\"2026\""))).unwrap();
        assert_eq!(set.keys().signing().unwrap().id(), Some("\"2026\""));
    }
}

/// RFC 7515 appendix A.3, RFC 8037 appendices A.1 to A.3, and the smallest number on P-256,
/// whose leading zeros RFC 7518 section 6.2.2.1 wants to see.
#[test]
fn private_members_are_written_as_the_rfcs_have_them() {
    for example in [
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#,
        r#"{"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            "d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#,
    ] {
        let keys = Keys::read(&format!("{{\"keys\":[{example}]}}").into()).unwrap();
        let written = private_jwk::of_key(keys.signing().unwrap()).unwrap();
        let written: Value = serde_json::from_str(written.expose_secret()).unwrap();
        let example: Value = serde_json::from_str(example).unwrap();
        for (name, value) in example.as_object().unwrap() {
            assert_eq!(&written[name], value, "{name}");
        }
    }
}

#[test]
fn a_pem_key_becomes_a_jwk_of_the_same_name() {
    for (private, public) in [
        (pem_of("rsa-2048"), pem_of("rsa-2048-public")),
        (pem_of("p256"), pem_of("p256-public")),
        (pem_of("ed25519"), pem_of("ed25519-public")),
    ] {
        let id = Keys::read(&private.into()).unwrap().signing().unwrap().id().map(str::to_owned);
        let (private, public) = (set(private), set(public));
        for (set, kind) in [(&private, KeyKind::Private), (&public, KeyKind::Public)] {
            assert_eq!(members(set, 0)["kid"].as_str(), id.as_deref());
            assert_eq!(set.keys().iter().next().unwrap().id(), id.as_deref());
            assert_eq!(set.kinds().collect::<Vec<_>>(), [kind]);
        }
        assert!(fits(&private, &public));
        assert_eq!(private.keys().public_set(), public.keys().public_set());
    }
}

#[test]
fn a_text_becomes_a_symmetric_key_without_a_name() {
    let text = " a secret of the Flask service, with blanks: ä ";
    let set = set(text);
    let keys = Keys::read(&text.into()).unwrap();
    let sign = |keys: &Keys| keys.signing().unwrap().sign(b"message").unwrap();
    assert_eq!(sign(set.keys()), sign(&keys));
    assert_eq!(members(&set, 0).get("kid"), None);
    assert_eq!(set.kinds().collect::<Vec<_>>(), [KeyKind::Symmetric]);
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
    assert!(changed.starts_with("{\"x\\n\\\"\":[1.50],\n\"keys\":[\n{\"alg\""), "{changed}");
    assert!(changed.contains("{\"kty\":\"oct\", \"k\":\"aa"), "{changed}");
    assert!(changed.ends_with("aa\", \"ext\":{\"b\":1,\"a\":1e2}}\n]}"), "{changed}");
}

#[test]
fn what_the_service_could_not_read_is_no_result() {
    let set = || JwkSet::of(new(Algorithm::EdDsa, Some("one"))).unwrap();
    assert_eq!(set().edit(Vec::clear).unwrap_err(), KeyError::Empty);
    let key = new(Algorithm::EdDsa, Some("one"));
    let refused = set().edit(|jwks| jwks.push(key)).unwrap_err();
    assert_eq!(refused, KeyError::DoubledKeyId.in_set(1));
    assert!(JwkSet::read(&"short".into()).is_err());
}

#[test]
fn a_private_key_that_may_only_verify_is_private_all_the_same() {
    let key = new(Algorithm::EdDsa, None);
    let key = key.expose_secret().replacen('{', r#"{"key_ops":["verify"],"#, 1);
    let set = JwkSet::of(key.into()).unwrap();
    assert!(!set.keys().iter().any(Key::can_sign));
    assert_eq!(set.kinds().collect::<Vec<_>>(), [KeyKind::Private]);
}

#[test]
fn debug_shows_names_alone() {
    let set = set("canary in a mine of coal, 1234 feet below");
    let shown = format!("{set:?}");
    assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
}
