//! JWKs: the examples of the RFCs, and what is wrong with others.

use serde_json::{Value, json};

use super::*;

/// RFC 7515 appendix A.1, RFC 7515 appendix A.3, RFC 8037 appendix A.1.
pub(super) fn examples() -> [Value; 3] {
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

pub(super) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// `key` with other members; `null` takes one away.
fn with(mut key: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            key.as_object_mut().unwrap().remove(name);
        } else {
            key[name] = value.clone();
        }
    }
    key
}

#[test]
fn a_kid_is_as_given_or_else_the_thumbprint_of_an_asymmetric_key() {
    let [oct, ec, ed25519] = examples();
    let id = |jwk| read(&set(&[jwk])).unwrap().iter().next().unwrap().id.clone();
    let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    assert_eq!(id(ed25519).as_deref(), Some(thumbprint), "RFC 8037 appendix A.3");
    assert_eq!(id(ec).map(|id| id.len()), Some(43));
    assert_eq!(id(oct), None);
    for jwk in examples() {
        let keys = read(&set(&[with(jwk, &json!({ "kid": "mine" }))])).unwrap();
        let key = keys.signing().unwrap();
        assert!(fits(key, key) && key.id.as_deref() == Some("mine"));
    }
}

#[test]
fn a_key_is_for_signatures_of_its_own_algorithm() {
    use KeyError::{NotForSignatures, WrongAlgorithm};
    let [oct, ec, ed25519] = examples();
    for (jwk, members, expected) in [
        (&ec, json!({ "use": "sig", "alg": "ES256", "key_ops": ["sign"] }), None),
        (&ed25519, json!({ "alg": "EdDSA" }), None),
        (&ed25519, json!({ "alg": "Ed25519" }), None),
        (&ec, json!({ "use": "enc" }), Some(NotForSignatures)),
        (&ec, json!({ "key_ops": ["deriveKey"] }), Some(NotForSignatures)),
        (&ec, json!({ "key_ops": [] }), Some(NotForSignatures)),
        (&ec, json!({ "alg": "ES384" }), Some(WrongAlgorithm("ES256"))),
        (&ec, json!({ "alg": "none" }), Some(WrongAlgorithm("ES256"))),
        (&oct, json!({ "alg": "HS512" }), Some(WrongAlgorithm("HS256"))),
        (&oct, json!({ "alg": "RS256" }), Some(WrongAlgorithm("HS256"))),
        (&ed25519, json!({ "alg": "Ed448" }), Some(WrongAlgorithm("EdDSA"))),
    ] {
        let outcome = read(&set(&[with(jwk.clone(), &members)])).map(drop);
        let expected = expected.map_or(Ok(()), |error| Err(error.in_set(0)));
        assert_eq!(outcome, expected, "{members}");
    }
    for jwk in examples() {
        let keys = read(&set(&[with(jwk, &json!({ "key_ops": ["verify"] }))])).unwrap();
        let key = keys.iter().next().unwrap();
        assert!(!key.can_sign() && key.sign(b"message").is_err() && keys.signing().is_none());
    }
}

#[test]
fn unusable_jwks_are_refused_each_with_its_reason() {
    use KeyError::{Malformed, SmallRsaKey, TooShort, UnknownKeyType, WrongCurve};
    let [oct, ec, ed25519] = examples();
    let modulus = |first, bytes| {
        let mut modulus = vec![first];
        modulus.resize(bytes, 0xc9);
        URL_SAFE_NO_PAD.encode(modulus)
    };
    let rsa = json!({ "kty": "RSA", "n": modulus(0xc9, 256), "e": "AQAB" });
    let zero = "A".repeat(43);
    for (why, jwk, changes, expected) in [
        ("a short secret", &oct, json!({ "k": "c2hvcnQ" }), TooShort),
        ("no secret", &oct, json!({ "k": null }), Malformed),
        ("a secret in Base64", &oct, json!({ "k": "+/".repeat(30) }), Malformed),
        ("RSA of 1024 bits", &rsa, json!({ "n": modulus(0xc9, 128) }), SmallRsaKey),
        ("2048 bits, the first of them 0", &rsa, json!({ "n": modulus(0x7f, 256) }), SmallRsaKey),
        ("no modulus", &rsa, json!({ "n": null }), Malformed),
        ("an exponent of 0", &rsa, json!({ "e": "AA" }), Malformed),
        ("an exponent of 1", &rsa, json!({ "e": "AQ" }), Malformed),
        ("an even exponent", &rsa, json!({ "e": "Ag" }), Malformed),
        ("d without the primes", &rsa, json!({ "d": "AQAB" }), Malformed),
        ("P-384", &ec, json!({ "crv": "P-384" }), WrongCurve),
        ("a curve of another kind", &ec, json!({ "crv": "Ed25519" }), WrongCurve),
        ("no curve", &ec, json!({ "crv": null }), WrongCurve),
        ("Ed448", &ed25519, json!({ "crv": "Ed448" }), WrongCurve),
        ("X25519", &ed25519, json!({ "crv": "X25519" }), WrongCurve),
        ("no y", &ec, json!({ "y": null }), Malformed),
        ("a short x", &ec, json!({ "x": "AQ" }), Malformed),
        ("a point off the curve", &ec, json!({ "d": null, "x": zero }), Malformed),
        ("infinity", &ec, json!({ "d": null, "x": zero, "y": zero }), Malformed),
        ("d of another key", &ec, json!({ "d": ed25519["d"] }), Malformed),
        ("x of another key", &ed25519, json!({ "x": zero }), Malformed),
        ("a short x of Ed25519", &ed25519, json!({ "d": null, "x": "AQ" }), Malformed),
        ("a long d", &ed25519, json!({ "d": "A".repeat(86) }), Malformed),
        ("an unknown kty", &oct, json!({ "kty": "AKP" }), UnknownKeyType),
        ("kty in another case", &oct, json!({ "kty": "OCT" }), UnknownKeyType),
    ] {
        let material = set(&[oct.clone(), with(jwk.clone(), &changes)]);
        assert_eq!(refusal(&material), expected.in_set(1), "{why}");
    }
}
