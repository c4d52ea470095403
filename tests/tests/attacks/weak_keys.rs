//! Keys that would let others sign: no function starts with one.

use serde_json::{Value, json};
use system_tests::{
    forge::{self, KeyPair},
    service::{Service, run},
};

use crate::target::environment;

const STRENGTH: &str = "RFC 7518 3.2, CVE-2020-28637";
const RSA: &str = "RFC 7518 3.3";
const PINNED: &str = "RFC 8725 3.1, RFC 7517 4.4";
const PURPOSE: &str = "RFC 7517 4.2, 4.3";
const CURVE: &str = "RFC 7518 3.4, RFC 8037 3.1";

/// What is configured, its source, and why it is refused.
type Row = (String, &'static str, String, &'static str);

fn set(keys: &[&Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The key with these members on top; `null` takes one away.
fn with(key: &Value, changes: &Value) -> String {
    let mut key = key.clone();
    for (name, value) in changes.as_object().unwrap() {
        key[name] = value.clone();
        if value.is_null() {
            key.as_object_mut().unwrap().remove(name);
        }
    }
    set(&[&key])
}

fn jwk(name: &str) -> Value {
    KeyPair::of_tests(name).public_jwk()
}

fn oct() -> Value {
    json!({ "kty": "oct", "kid": "one", "k": forge::encode("a secret of thirty-two bytes....") })
}

fn texts() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("one letter", "x".to_owned()),
        ("31 bytes", "x".repeat(31)),
        ("blanks", " ".repeat(64)),
        ("line breaks", "\n".repeat(64)),
        ("no-break spaces", "\u{a0}".repeat(64)),
    ]
    .map(|(name, text)| (name.to_owned(), STRENGTH, text, "is shorter than 32 bytes"))
    .into();
    // The first of the lists that such keys are tried from.
    for word in [
        "secret",
        "password",
        "admin123",
        "changeme",
        "jwt_secret",
        "your-256-bit-secret",
        "secretkey",
        "supersecret",
        "qwerty",
        "null",
        "1234567890",
        "shhhhh",
    ] {
        let name = format!("the text {word:?}");
        rows.push((name, "RFC 8725 3.5", word.to_owned(), "is shorter than 32 bytes"));
    }
    let public_keys = "CVE-2022-29217, RFC 8725 3.2";
    for (name, text, reason) in [
        (
            "an SSH public key",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUo2ErT1YHSEVb5u1y1mI0VLPUtbvnu8ZIOnNXhE a@b",
            "is an SSH key",
        ),
        (
            "its middle",
            "AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUo2ErT1YHSEVb5u1y1mI0VLPUtbvnu8ZIOnNXhE",
            "is a key in Base64",
        ),
        ("a URL", "https://auth.example.com/.well-known/jwks.json", "is a URL"),
        ("an ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt", "JWT_SECRET_ID"),
        ("a path", "/run/secrets/jwt/of/the/service/keys.json", "JWT_SECRET_FILE"),
        ("a placeholder", "change-me-change-me-change-me-please", "is a placeholder"),
        ("one letter", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "a few characters"),
    ] {
        rows.push((name.to_owned(), public_keys, text.to_owned(), reason));
    }
    rows
}

fn pems() -> Vec<Row> {
    let truncated = forge::pem("p256")[..120].to_owned();
    [
        ("RSA of 1024 bits", RSA, forge::pem("rsa-1024"), "fewer than 2048 bits"),
        ("public RSA of 1024 bits", RSA, forge::pem("rsa-1024-public"), "fewer than 2048 bits"),
        ("RSA for PSS alone", PINNED, forge::pem("rsa-pss"), "cannot be read"),
        ("P-384", CURVE, forge::pem("p384"), "another curve"),
        ("public P-384", CURVE, forge::pem("p384-public"), "another curve"),
        ("secp256k1", CURVE, forge::pem("secp256k1"), "another curve"),
        ("X25519", CURVE, forge::pem("x25519"), "cannot be read"),
        ("a certificate", PURPOSE, forge::pem("certificate"), "holds no key that can be read"),
        (
            "an encrypted key",
            PURPOSE,
            forge::pem("p256-encrypted"),
            "holds no key that can be read",
        ),
        ("a key cut short", PURPOSE, truncated, "holds no key that can be read"),
    ]
    .map(|(name, source, pem, reason)| (format!("PEM: {name}"), source, pem, reason))
    .into()
}

fn sets() -> Vec<Row> {
    let [rsa, ec, ed25519] = ["rsa-2048", "p256", "ed25519"].map(jwk);
    let oct = oct();
    let modulus = |bytes: usize| forge::encode([&[0xc9], &vec![1; bytes - 1][..]].concat());
    let alg = "which is the one of its kind";
    [
        ("no keys", STRENGTH, set(&[]), "without keys"),
        ("an empty secret", STRENGTH, with(&oct, &json!({ "k": "" })), "shorter than 32 bytes"),
        (
            "a secret of 31 bytes",
            STRENGTH,
            with(&oct, &json!({ "k": forge::encode([7; 31]) })),
            "shorter than 32 bytes",
        ),
        ("no secret", STRENGTH, with(&oct, &json!({ "k": null })), "cannot be read"),
        (
            "a secret that is not Base64url",
            STRENGTH,
            with(&oct, &json!({ "k": "+/".repeat(40) })),
            "cannot be read",
        ),
        (
            "RSA of 1024 bits",
            RSA,
            with(&rsa, &json!({ "n": modulus(128) })),
            "fewer than 2048 bits",
        ),
        (
            "RSA of 2040 bits",
            RSA,
            with(&rsa, &json!({ "n": modulus(255) })),
            "fewer than 2048 bits",
        ),
        ("RSA with exponent 1", RSA, with(&rsa, &json!({ "e": "AQ" })), "cannot be read"),
        ("RSA with an even exponent", RSA, with(&rsa, &json!({ "e": "Ag" })), "cannot be read"),
        ("RSA with exponent 0", RSA, with(&rsa, &json!({ "e": "AA" })), "cannot be read"),
        ("RSA without a modulus", RSA, with(&rsa, &json!({ "n": null })), "cannot be read"),
        ("a secret for RS256", PINNED, with(&oct, &json!({ "alg": "RS256" })), alg),
        ("a secret for HS512", PINNED, with(&oct, &json!({ "alg": "HS512" })), alg),
        ("a secret for none", PINNED, with(&oct, &json!({ "alg": "none" })), alg),
        ("RSA for HS256", PINNED, with(&rsa, &json!({ "alg": "HS256" })), alg),
        ("RSA for PS256", PINNED, with(&rsa, &json!({ "alg": "PS256" })), alg),
        ("P-256 for ES384", PINNED, with(&ec, &json!({ "alg": "ES384" })), alg),
        ("Ed25519 for ES256", PINNED, with(&ed25519, &json!({ "alg": "ES256" })), alg),
        ("P-256 called Ed25519", CURVE, with(&ec, &json!({ "crv": "Ed25519" })), "another curve"),
        ("P-256 called P-521", CURVE, with(&ec, &json!({ "crv": "P-521" })), "another curve"),
        (
            "a point beside the curve",
            CURVE,
            with(&ec, &json!({ "x": ec["y"], "y": ec["x"] })),
            "cannot be read",
        ),
        (
            "the point at infinity",
            CURVE,
            with(&ec, &json!({ "x": "A".repeat(43), "y": "A".repeat(43) })),
            "cannot be read",
        ),
        (
            "an Ed25519 key of 31 bytes",
            CURVE,
            with(&ed25519, &json!({ "x": forge::encode([1; 31]) })),
            "cannot be read",
        ),
        ("an unknown kind", PINNED, with(&oct, &json!({ "kty": "oct2" })), "another `kty`"),
        ("for encryption", PURPOSE, with(&rsa, &json!({ "use": "enc" })), "not for signatures"),
        (
            "for wrapping keys",
            PURPOSE,
            with(&oct, &json!({ "key_ops": ["wrapKey"] })),
            "not for signatures",
        ),
        ("one name twice", "RFC 7517 4.5", set(&[&oct, &oct]), "has the same `kid`"),
        (
            "a good key and a weak one",
            STRENGTH,
            set(&[&rsa, &json!({ "kty": "oct", "k": "AA" })]),
            "key 2 of the JWK Set",
        ),
    ]
    .map(|(name, source, text, reason)| (format!("JWK Set: {name}"), source, text, reason))
    .into()
}

#[test]
fn no_function_starts_with_a_weak_key() {
    let rows = [texts(), pems(), sets()].concat();
    for (name, source, key, reason) in rows {
        let output = run("validate", &[], &environment(&[("JWT_SECRET", &key)]), "");
        let (code, log) = (output.status.code(), output.stderr);
        assert_eq!(code, Some(78), "{name} ({source}): {log}");
        assert!(log.contains("JWT_SECRET: ") && log.contains(reason), "{name} ({source}): {log}");
        assert_eq!(log.lines().count(), 1, "{name} ({source}): {log}");
        assert!(key.len() < 12 || !log.contains(&key), "{name}: {log}");
    }
}

#[test]
fn what_the_weak_keys_were_made_of_is_strong() {
    let keys = ["rsa-2048", "p256", "ed25519"].map(jwk);
    for key in [
        "a text of thirty-two characters.".to_owned(),
        set(&[&oct()]),
        with(&oct(), &json!({ "alg": "HS256", "use": "sig", "key_ops": ["verify"] })),
        set(&[&keys[0], &keys[1], &keys[2], &oct()]),
        forge::pem("rsa-2048"),
        forge::pem("p256-public"),
    ] {
        let service = Service::start("validate", environment(&[("JWT_SECRET", &key)]));
        assert_eq!(service.request("GET", "/").send().status, 401);
    }
}

#[test]
fn login_does_not_start_with_a_key_that_cannot_sign() {
    for name in ["rsa-2048", "p256", "ed25519"] {
        let public = [forge::pem(&format!("{name}-public")), set(&[&jwk(name)])];
        for key in public {
            let database = ("DATABASE_URL", "mysql://u:p@127.0.0.1/auth");
            let output = run("login", &[], &environment(&[("JWT_SECRET", &key), database]), "");
            assert_eq!(output.status.code(), Some(78), "{name}: {}", output.stderr);
            assert!(output.stderr.contains("holds no key that can sign"), "{}", output.stderr);
        }
    }
}
