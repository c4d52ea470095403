//! What is issued verifies, and what was changed does not. Everything that an attacker may try is in
//! `tests/tests/attacks/`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{InvalidToken, Subject, issue, verify};
use crate::{
    config::TokenConfig,
    keys::{Keys, tests::pem_of::pem_of},
};

const SECRET: &str = "a secret for tests, of 32 bytes or more";
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn keys(secret: &str) -> Keys {
    Keys::read(&secret.into()).unwrap()
}

/// A token with exactly these parts, properly signed.
fn signed(header: &str, payload: &str) -> String {
    let message = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = keys(SECRET).signing().unwrap().sign(message.as_bytes()).unwrap();
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The claims of a good token.
fn claims() -> String {
    json!({ "username": "ada@example.com", "admin": false, "exp": NOW + 60 }).to_string()
}

fn outcome(token: &str) -> Result<(), InvalidToken> {
    verify(&keys(SECRET), &TokenConfig::default(), token, now()).map(drop)
}

#[test]
fn an_issued_token_says_what_the_contract_lists_and_verifies() {
    let (issuer, audience) = (Some("https://issuer".into()), Some("api".into()));
    let config = TokenConfig { issuer, audience, ..TokenConfig::default() };
    let subject = Subject { id: "7", username: "Ada@example.com", admin: true };
    let [token, other] =
        [(); 2].map(|()| issue(&keys(SECRET), &config, subject, now()).unwrap().token);
    assert_ne!(token, other);
    let claims = verify(&keys(SECRET), &config, &token, now()).unwrap();
    let subject = claims.subject.as_deref();
    assert_eq!((&*claims.username, claims.admin, subject), ("Ada@example.com", true, Some("7")));

    let payload: Value = serde_json::from_str(&claims.payload).unwrap();
    let jti = payload["jti"].as_str().unwrap();
    assert_eq!(jti.len(), 36);
    assert_eq!(
        payload,
        json!({
            "username": "Ada@example.com", "admin": true, "iat": NOW, "exp": NOW + 86_400,
            "sub": "7", "jti": jti, "iss": "https://issuer", "aud": "api",
        })
    );
    let header = token.split('.').next().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(header).unwrap(), HEADER.as_bytes());
}

#[test]
fn each_kind_of_key_issues_tokens_that_its_public_half_verifies() {
    for (algorithm, private, public) in [
        ("RS256", pem_of("rsa-2048"), pem_of("rsa-2048-public")),
        ("ES256", pem_of("p256"), pem_of("p256-public")),
        ("EdDSA", pem_of("ed25519"), pem_of("ed25519-public")),
    ] {
        let subject = Subject { id: "7", username: "ada@example.com", admin: false };
        let (private, config) = (keys(private), TokenConfig::default());
        let issued = issue(&private, &config, subject, now()).unwrap();
        for keys in [&private, &keys(public)] {
            assert!(verify(keys, &config, &issued.token, now()).is_ok(), "{algorithm}");
        }
        let header = URL_SAFE_NO_PAD.decode(issued.token.split('.').next().unwrap()).unwrap();
        let kid = private.signing().unwrap().id().unwrap();
        let expected = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#);
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }
}

#[test]
fn a_token_of_the_flask_service_verifies_and_its_payload_comes_back_unchanged() {
    let payload = format!(
        r#"{{"username": "ada@example.com", "exp": {}, "iat": {NOW}, "admin": true}}"#,
        NOW + 86_400
    );
    let token = signed(r#"{"alg": "HS256", "typ": "JWT"}"#, &payload);
    let claims = verify(&keys(SECRET), &TokenConfig::default(), &token, now()).unwrap();
    assert_eq!(claims.payload, payload);
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(position in 0..200_usize, byte in 33..127_u8) {
        let good = signed(HEADER, &claims());
        let position = position % good.len();
        let mut bytes = good.clone().into_bytes();
        bytes[position] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(changed != good);
        prop_assert!(outcome(&changed).is_err());
    }
}
