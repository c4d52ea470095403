//! What is issued verifies. Everything that an attacker may try is in `tests/tests/attacks/`, keys of
//! other kinds in `tests/tests/jwk_set.rs`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Subject, issue, verify};
use crate::{config::TokenConfig, keys::Keys};

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

#[test]
fn an_issued_token_says_what_the_contract_lists_and_verifies() {
    let (issuer, audience) = (Some("https://issuer".into()), Some("api".into()));
    let config = TokenConfig { issuer, audience, ..TokenConfig::default() };
    let subject = Subject { id: "7", username: "Ada@example.com", admin: true };
    let [token, other] = [(); 2].map(|()| issue(&keys(SECRET), &config, subject, now()).unwrap());
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
fn a_token_of_the_flask_service_verifies_and_its_payload_comes_back_unchanged() {
    let payload = format!(
        r#"{{"username": "ada@example.com", "exp": {}, "iat": {NOW}, "admin": true}}"#,
        NOW + 86_400
    );
    let token = signed(r#"{"alg": "HS256", "typ": "JWT"}"#, &payload);
    let claims = verify(&keys(SECRET), &TokenConfig::default(), &token, now()).unwrap();
    assert_eq!(claims.payload, payload);
}
