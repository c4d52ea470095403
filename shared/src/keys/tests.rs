//! What is a key and what is not, form by form.

pub(crate) mod pem_of;

use std::slice;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    KeyError::{
        Empty, Malformed, NoPemKey, NotAJwkSet, NotForSignatures, SeveralPemKeys, SmallRsaKey,
        TooShort, UnknownKeyType, WrongAlgorithm, WrongCurve,
    },
    *,
};
use pem_of::pem_of;

fn read(material: &str) -> Result<Keys, KeyError> {
    Keys::read(&material.into())
}

/// The error that `material` is refused with.
fn refusal(material: &str) -> KeyError {
    read(material).unwrap_err()
}

fn in_set(position: usize, error: KeyError) -> KeyError {
    KeyError::InSet(position, Box::new(error))
}

/// Whether what `signer` signs, `verifier` verifies, and nothing else.
fn fits(signer: &Key, verifier: &Key) -> bool {
    let signature = signer.sign(b"message").expect("a signature");
    assert!(!verifier.verifies(b"another message", &signature).unwrap());
    verifier.verifies(b"message", &signature).unwrap()
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
        ("/keys/a-long-folder/of-mine/its_keys", "a path"),
        ("/secrets/production/jwtsigningkey", "a path"),
        ("../secrets/a/long/folder/of/mine/keys", "a path"),
        ("CHANGE_ME_0123456789abcdef0123456789abcdef", "a placeholder"),
        ("<your secret goes here, 32 bytes or more>", "a placeholder"),
        ("a-string-secret-at-least-256-bits-long", "a placeholder"),
        ("your-super-secret-jwt-token-with-at-least-32-characters-long", "a placeholder"),
        ("12345678901234567890123456789012", "a few characters"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "a few characters"),
    ] {
        let refusal = refusal(text).to_string();
        assert!(refusal.starts_with(&format!("is {kind}")), "{text}: {refusal}");
    }
    // Any key, without the lines around it.
    let names = include_str!("tests/keys.pem").lines().filter_map(|it| it.strip_prefix("## "));
    for pem in names.map(pem_of).filter(|pem| pem.matches("-----BEGIN").count() == 1) {
        let lines = || pem.lines().filter(|line| !line.starts_with('-'));
        let (body, one_line) = (lines().collect::<Vec<_>>().join("\n"), lines().collect());
        for text in [body, one_line, STANDARD.encode(pem)] {
            assert!(matches!(refusal(&text), KeyError::PublicText(_)), "{text}");
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
    ) {
        bytes[0] = first.unwrap_or(bytes[0]);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let hex: String = digits.filter_map(|it| char::from_digit(it.into(), 16)).collect();
        let mut texts = vec![hex[..32].to_owned(), hex];
        for length in [32, 33, 48, 65, 97, bytes.len()] {
            let bytes = &bytes[..length.min(bytes.len())];
            let standard = STANDARD.encode(bytes);
            texts.extend([format!("/{standard}"), standard, URL_SAFE_NO_PAD.encode(bytes)]);
        }
        for text in texts {
            let keys = read(&text).map_err(|error| TestCaseError::fail(format!("{text} {error}")))?;
            prop_assert_eq!(keys.signing().map(|key| key.algorithm), Some(Algorithm::HS256));
        }
    }
}

#[test]
fn debug_does_not_show_the_key() {
    let set = set(&examples()[1..]);
    // As text, or as a list of bytes.
    for material in ["canary in a mine of coal, 1234".repeat(2), set] {
        let shown = format!("{:?}", read(&material).unwrap());
        for private in ["canary", "99, 97, 110", "jpsQnnGQ", "142, 155, 16", "nWGxne", "157, 97"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}

#[test]
fn every_pem_form_of_a_key_pair_signs_what_its_public_half_verifies() {
    let p256 = pem_of("p256");
    for (form, public) in [
        (pem_of("rsa-2048-pkcs1"), "rsa-2048-public"),
        (pem_of("p256-sec1"), "p256-public"),
        (&p256.replace('\n', "\r\n"), "p256-public"),
        (&p256.replace('\n', "\\n"), "p256-public"),
        (&format!("  a comment\n{p256}\n\n"), "p256-public"),
        (&format!("{}{p256}", pem_of("certificate")), "p256-public"),
        (p256.trim_end(), "p256-public"),
    ] {
        let (private, public) = (read(form).unwrap(), read(pem_of(public)).unwrap());
        let (signer, verifier) = (private.signing().unwrap(), &public.0[0]);
        assert!(fits(signer, verifier) && verifier.sign(b"").is_err(), "{form}");
        assert_eq!(signer.id.as_deref().map(str::len), Some(43), "a thumbprint");
        assert_eq!(private.public_set(), public.public_set());
    }
}

#[test]
fn unusable_material_is_refused_each_with_its_reason() {
    let (p256, blanks) = (pem_of("p256"), " ".repeat(99));
    for (why, material, expected) in [
        ("31 bytes", &"x".repeat(31)[..], TooShort),
        ("blanks outside of ASCII", &"\u{a0}".repeat(64), TooShort),
        ("JSON", &format!(r#"{{"JWT_SECRET":"{}"}}"#, "x".repeat(99)), NotAJwkSet),
        ("a list", &format!("[{{\"kty\":\"RSA\"}}]{blanks}"), NotAJwkSet),
        ("half a set", &format!("{{\"keys\":[{blanks}"), NotAJwkSet),
        ("an empty set", &format!("{{\"keys\":[]}}{blanks}"), Empty),
        ("RSA of 1024 bits", pem_of("rsa-1024"), SmallRsaKey),
        ("a public one", pem_of("rsa-1024-public"), SmallRsaKey),
        ("P-384", pem_of("p384"), WrongCurve),
        ("P-384 as SEC 1", pem_of("p384-sec1"), WrongCurve),
        ("public P-384", pem_of("p384-public"), WrongCurve),
        ("X25519", pem_of("x25519"), Malformed),
        ("RSA for PSS alone", pem_of("rsa-pss"), Malformed),
        ("a compressed point", pem_of("p256-public-compressed"), Malformed),
        ("damaged", &p256.replace("MIG", "AAA"), Malformed),
        ("encrypted", pem_of("p256-encrypted"), NoPemKey),
        ("a certificate", pem_of("certificate"), NoPemKey),
        ("truncated", &p256[..p256.len() - 20], NoPemKey),
        ("in quotation marks", &format!("\"{p256}\""), NoPemKey),
        ("its lines joined by blanks", &p256.replace('\n', " "), NoPemKey),
        ("two keys", &format!("{p256}{}", pem_of("ed25519")), SeveralPemKeys),
    ] {
        assert_eq!(refusal(material), expected, "{why}");
    }
}

fn versions(current: &str, previous: &str) -> Versions {
    [(Stage::Current, current.into()), (Stage::Previous, previous.into())].into()
}

fn to_verify(current: &str) -> Result<Keys, KeyError> {
    Keys::to_verify(&versions(current, current), true)
}

#[test]
fn the_first_key_that_can_sign_signs_and_all_keys_verify_with_those_of_before() {
    let oct = |kid: &str, letter: &str| json!({ "kid": kid, "kty": "oct", "k": letter.repeat(64) });
    let public = json!({ "kid": "public", "d": null });
    let now = set(&[with(&examples()[2], &public), oct("one", "a"), oct("two", "b")]);
    let keys = Keys::to_sign(&versions(&now, "")).unwrap();
    assert_eq!(keys.signing().unwrap().id.as_deref(), Some("one"));
    for (previous, expected) in [
        (set(&[oct("three", "c"), oct("one", "a")]), &["public", "one", "two", "three"][..]),
        (set(&[oct("one", "c"), oct("two", "b")]), &["public", "one", "two", "one"]),
        ("a placeholder".to_owned(), &["public", "one", "two"]),
    ] {
        let keys = Keys::to_verify(&versions(&now, &previous), true).unwrap();
        let ids: Vec<&str> = keys.iter().filter_map(|key| key.id.as_deref()).collect();
        assert_eq!(ids, expected);
        assert!(keys.signing().is_none(), "{keys:?}");
    }

    // Of two public keys of one name the current one is published.
    let other = json!({ "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" });
    let current = with(&examples()[2], &public);
    let previous = set(&[with(&current, &other)]);
    let current = set(&[current]);
    let keys = Keys::to_verify(&versions(&current, &previous), true).unwrap();
    assert_eq!(keys.iter().count(), 2);
    assert_eq!(keys.public_set(), read(&current).unwrap().public_set());
    let with_private = versions(&current, pem_of("p256"));
    assert_eq!(Keys::to_sign(&with_private).unwrap_err(), KeyError::CannotSign);
}

/// RFC 7515 appendix A.1, RFC 7515 appendix A.3, RFC 8037 appendix A.1.
fn examples() -> [Value; 3] {
    [
        json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj\
                                    0iPS4hcgUuTwjAzZr1Z9CAow" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" }),
    ]
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// `jwk` with other members; `null` is as none.
fn with(jwk: &Value, changes: &Value) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    jwk
}

#[test]
fn a_kid_is_as_given_or_else_the_thumbprint_of_an_asymmetric_key() {
    let [oct, _, ed25519] = examples();
    let id = |jwk| read(&set(&[jwk])).unwrap().0[0].id.clone();
    let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    assert_eq!(id(ed25519).as_deref(), Some(thumbprint), "RFC 8037 appendix A.3");
    assert_eq!(id(oct), None);
    for (jwk, alg) in examples().into_iter().zip(["HS256", "ES256", "Ed25519"]) {
        let members = json!({
            "kid": "mine", "alg": alg, "use": "sig", "key_ops": ["sign"], "x5c": ["MIICnzCC"],
        });
        let keys = read(&set(&[with(&jwk, &members)])).unwrap();
        let key = keys.signing().unwrap();
        assert!(fits(key, key) && key.id.as_deref() == Some("mine"));
        // One that may only verify is private all the same.
        let restricted = read(&set(&[with(&jwk, &json!({ "key_ops": ["verify"] }))])).unwrap();
        let verifier = &restricted.0[0];
        assert!(!verifier.can_sign() && verifier.sign(b"message").is_err());
        assert_eq!((verifier.kind, fits(key, verifier)), (key.kind, true));
    }
}

/// What is wrong with a key that could be used is no reason to ignore it.
#[test]
fn unsupported_keys_of_a_set_are_ignored_to_verify_and_wrong_ones_are_refused() {
    let [oct, ec, ed25519] = examples();
    let modulus = |first| URL_SAFE_NO_PAD.encode([&[first][..], &[0xc9; 255]].concat());
    let rsa = json!({ "kty": "RSA", "n": modulus(0xc9), "e": "AQAB" });
    let zero = "A".repeat(43);
    let unsupported = [
        // As identity providers have them beside their keys for signatures.
        (&rsa, json!({ "use": "enc", "alg": "RSA-OAEP" }), NotForSignatures),
        (&rsa, json!({ "use": "sig", "alg": "RS512" }), WrongAlgorithm("RS256")),
        (&ec, json!({ "use": "sig", "alg": "ES512", "crv": "P-521" }), WrongCurve),
        (&ec, json!({ "key_ops": ["deriveKey"] }), NotForSignatures),
        (&ec, json!({ "alg": "none" }), WrongAlgorithm("ES256")),
        (&ed25519, json!({ "alg": "Ed448" }), WrongAlgorithm("EdDSA")),
        (&ed25519, json!({ "crv": "X25519" }), WrongCurve),
        (&oct, json!({ "kty": "AKP", "alg": "ML-DSA-44" }), UnknownKeyType),
        (&oct, json!({ "kty": "OCT" }), UnknownKeyType),
        // Another purpose is enough: what it is made of does not matter.
        (&oct, json!({ "alg": "A128KW", "k": "c2hvcnQ" }), WrongAlgorithm("HS256")),
        (&ec, json!({ "use": "enc", "x": null }), NotForSignatures),
    ];
    let wrong = [
        ("the alg of another kind", &oct, json!({ "alg": "RS256" }), WrongAlgorithm("HS256")),
        ("a short secret", &oct, json!({ "k": "c2hvcnQ" }), TooShort),
        ("a secret in Base64", &oct, json!({ "k": "+/".repeat(30) }), Malformed),
        ("2048 bits, the first of them 0", &rsa, json!({ "n": modulus(0x7f) }), SmallRsaKey),
        ("an exponent of 1", &rsa, json!({ "e": "AQ" }), Malformed),
        ("an even exponent", &rsa, json!({ "e": "Ag" }), Malformed),
        ("d without the primes", &rsa, json!({ "d": "AQAB" }), Malformed),
        ("a curve of another kind", &ec, json!({ "crv": "Ed25519" }), WrongCurve),
        ("no curve", &ec, json!({ "crv": null }), WrongCurve),
        ("no y", &ec, json!({ "y": null }), Malformed),
        ("a short x", &ec, json!({ "x": "AQ" }), Malformed),
        ("a point off the curve", &ec, json!({ "d": null, "x": zero }), Malformed),
        ("infinity", &ec, json!({ "d": null, "x": zero, "y": zero }), Malformed),
        ("d of another key", &ec, json!({ "d": ed25519["d"] }), Malformed),
        ("x of another key", &ed25519, json!({ "x": zero }), Malformed),
        ("a short x of Ed25519", &ed25519, json!({ "d": null, "x": "AQ" }), Malformed),
        ("a long d", &ed25519, json!({ "d": "A".repeat(86) }), Malformed),
    ];
    for (jwk, changes, expected) in unsupported {
        let jwk = with(jwk, &changes);
        let [alone, beside] = [set(slice::from_ref(&jwk)), set(&[oct.clone(), jwk])];
        let refused = [refusal(&beside), Keys::to_sign(&versions(&beside, "")).unwrap_err()];
        assert_eq!(refused, [(); 2].map(|()| in_set(2, expected.clone())), "{changes}");
        assert_eq!(to_verify(&alone).unwrap_err(), in_set(1, expected), "{changes}");
        assert_eq!(to_verify(&beside).unwrap().iter().count(), 1, "{changes}");
    }
    for (why, jwk, changes, expected) in wrong {
        let beside = set(&[oct.clone(), with(jwk, &changes)]);
        assert_eq!(to_verify(&beside).unwrap_err(), in_set(2, expected), "{why}");
    }
    // An ignored key does not move the position of another one.
    let enc = with(&ec, &json!({ "use": "enc", "kid": "mine" }));
    let named = with(&oct, &json!({ "kid": "mine" }));
    let doubled = set(&[enc, named.clone(), named]);
    assert_eq!(to_verify(&doubled).unwrap_err(), in_set(3, KeyError::DoubledKeyId));
}

/// In the form of Keycloak's.
#[test]
fn the_set_of_an_identity_provider_verifies_with_its_keys_for_signatures() {
    let public = read(pem_of("rsa-2048-public")).unwrap().public_set();
    let rsa = &serde_json::from_str::<Value>(&public).unwrap()["keys"][0];
    let ed25519 = with(&examples()[2], &json!({ "d": null }));
    let key = |jwk: &Value, kid: &str, alg: &str, purpose: &str| {
        let members =
            json!({ "kid": kid, "alg": alg, "use": purpose, "x5c": ["MIICnz"], "x5t": "qp" });
        with(jwk, &members)
    };
    let keys = to_verify(&set(&[
        key(rsa, "enc", "RSA-OAEP", "enc"),
        key(rsa, "sig", "RS256", "sig"),
        key(rsa, "sig-512", "RS512", "sig"),
        key(&ed25519, "ed", "EdDSA", "sig"),
    ]));
    let keys = keys.unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key.id.as_deref()).collect();
    assert_eq!(ids, [Some("sig"), Some("ed")]);
    assert!(fits(read(pem_of("rsa-2048")).unwrap().signing().unwrap(), &keys.0[0]));
}

/// Sets that `auth-admin` makes and changes.
#[cfg(feature = "key-management")]
mod jwk_set {
    use super::{super::jwk_set::written, *};

    fn members(set: &JwkSet) -> Value {
        let text: Value = serde_json::from_str(set.text.expose_secret()).unwrap();
        text["keys"][0].clone()
    }

    #[test]
    fn new_keys_of_every_algorithm_sign_and_say_what_they_are_for() {
        for alg in ["RS256", "ES256", "EdDSA", "HS256"] {
            let new = |id| JwkSet::of(&generate(algorithm(alg).unwrap(), id).unwrap()).unwrap();
            let (one, other, named) = (new(None), new(None), new(Some("\"2026\"")));
            let [key, other, named] = [&one, &other, &named].map(|set| &set.keys.0[0]);
            assert!(fits(key, key) && !fits(key, other), "{alg}");
            let jwk = members(&one);
            assert_eq!((&jwk["alg"], &jwk["use"]), (&alg.into(), &"sig".into()));
            assert_eq!(jwk["kid"].as_str().map(str::len), (alg != "HS256").then_some(43));
            assert_eq!(named.id.as_deref(), Some("\"2026\""));
        }
    }

    /// Those of the RFCs, and the smallest number on P-256, whose leading zeros RFC 7518 section
    /// 6.2.2.1 wants to see.
    #[test]
    fn private_members_are_written_as_the_rfcs_have_them() {
        let [oct, ec, ed25519] = examples();
        let smallest = json!({
            "kty": "EC", "crv": "P-256", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            "d": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
        });
        for example in [oct, ec, ed25519, smallest] {
            let keys = read(&super::set(slice::from_ref(&example))).unwrap();
            let set = JwkSet::of(&written(keys.signing().unwrap()).unwrap()).unwrap();
            let jwk = members(&set);
            assert_eq!(with(&jwk, &example), jwk);
        }
    }

    #[test]
    fn a_set_stays_what_it_was_around_a_change() {
        let text = r#" { "x\n\"": [1.50], "keys" : [ {"kty":"oct", "k":"SECRET", "ext":{"b":1,"a":1e2}} ] }"#;
        let text = text.replace("SECRET", &"a".repeat(64));
        let set = JwkSet::read(&text.as_str().into()).unwrap();
        assert_eq!(set.text.expose_secret(), text);
        let key = generate(Algorithm::HS256, None).unwrap();
        let set = set.edit(|jwks| jwks.insert(0, key)).unwrap();
        let changed = set.text.expose_secret();
        assert!(changed.starts_with("{\"keys\":[\n{\"alg\""), "{changed}");
        assert!(changed.contains(",\n{\"kty\":\"oct\", \"k\":\"aa"), "{changed}");
        assert!(changed.ends_with("aa\", \"ext\":{\"b\":1,\"a\":1e2}}\n],\"x\\n\\\"\":[1.50]}"));
    }
}
