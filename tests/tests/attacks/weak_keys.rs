//! Keys that would let others sign: no function starts with one. A key of each form; each kind of
//! weakness is in `shared/src/keys/tests/`, and the families of attacks start with good keys.

use serde_json::{Value, json};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair},
    service::run,
};

use crate::target::environment;

fn jwk(file: &str) -> Value {
    KeyPair::of_tests(file).public_jwk()
}

#[test]
fn no_function_starts_with_a_weak_key() {
    let weak = json!({ "keys": [jwk("rsa-2048"), { "kty": "oct", "k": "AA" }] }).to_string();
    let other_algorithm =
        json!({ "keys": [{ "kty": "oct", "k": forge::encode(SECRET), "alg": "none" }] });
    for (key, source, reason) in [
        ("your-256-bit-secret".to_owned(), "RFC 8725 3.5", "is shorter than 32 bytes"),
        ("\u{a0}".repeat(64), "RFC 7518 3.2, CVE-2020-28637", "is shorter than 32 bytes"),
        ("x".repeat(32), "CVE-2022-29217, RFC 8725 3.2", "a few characters"),
        (forge::pem("rsa-1024-public"), "RFC 7518 3.3", "fewer than 2048 bits"),
        (forge::pem("p384"), "RFC 7518 3.4, RFC 8037 3.1", "another curve"),
        (forge::pem("certificate"), "RFC 7517 4.2, 4.3", "holds no key that can be read"),
        (other_algorithm.to_string(), "RFC 8725 3.1, RFC 7517 4.4", "the one of its kind"),
        (weak, "RFC 7518 3.2", "key 2 of the JWK Set"),
    ] {
        let output = run("validate", &[], &environment(&[("JWT_SECRET", &key)]), "");
        let (code, log) = (output.status.code(), output.stderr);
        assert_eq!(code, Some(78), "{source}: {log}");
        assert!(log.contains("JWT_SECRET: ") && log.contains(reason), "{source}: {log}");
        assert_eq!(log.lines().count(), 1, "{source}: {log}");
        assert!(!log.contains(&key), "{log}");
    }
}

#[test]
fn login_does_not_start_with_a_key_that_cannot_sign() {
    for file in ["rsa-2048", "p256", "ed25519"] {
        let set = json!({ "keys": [jwk(file)] }).to_string();
        for key in [forge::pem(&format!("{file}-public")), set] {
            let database = ("DATABASE_URL", "mysql://u:p@127.0.0.1/auth");
            let output = run("login", &[], &environment(&[("JWT_SECRET", &key), database]), "");
            assert_eq!(output.status.code(), Some(78), "{file}: {}", output.stderr);
            assert!(output.stderr.contains("holds no key that can sign"), "{}", output.stderr);
        }
    }
}
