//! Tokens: they verify exactly if a second reader, which knows nothing but the contract, says
//! so. That reader is slow and simple.

#[path = "../../../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use shared::{
    config::TokenConfig,
    keys::{Algorithm, JwkSet, Key, Keys},
    respond::verified,
    token::verify,
};

use self::pem_of::pem_of;

/// The time of all these tokens.
const NOW: u64 = 1_800_000_000;
const LEEWAY: f64 = 5.0;
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// One key of each kind, and a second secret that has a name.
pub(crate) static KEYS: LazyLock<Arc<Keys>> = LazyLock::new(|| {
    let named = r#"{"keys":[{"kty":"oct","kid":"named","k":"YW5vdGhlci10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcy1vci1tb3Jl"}]}"#;
    let materials = [
        "a secret for tests, of 32 bytes or more",
        named,
        pem_of("ed25519"),
        pem_of("p256"),
        pem_of("rsa-2048"),
    ];
    let jwks = materials.map(|material| {
        let set = JwkSet::read(&material.into()).expect("a test key");
        let set: Value = serde_json::from_str(set.text().expose_secret()).expect("JSON");
        set["keys"][0].clone()
    });
    Arc::new(Keys::read(&json!({ "keys": jwks }).to_string().into()).expect("test keys"))
});

static CONFIGS: LazyLock<[TokenConfig; 2]> = LazyLock::new(|| {
    let demanding = TokenConfig {
        issuer: Some("https://issuer.test".into()),
        audience: Some("api".into()),
        ..TokenConfig::default()
    };
    [TokenConfig::default(), demanding]
});

/// The first line is the header, the rest the payload. They are signed with the key that
/// the header asks for, so that the signature is right whenever there is such a key.
pub(crate) fn signed_token(input: &[u8]) {
    let (header, payload) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&br#"{"alg":"HS256"}"#[..], input),
    };
    // serde_json::Value, which the second reader stands on, takes an object of this name for what
    // the text in it says.
    if input.windows(8).any(|bytes| bytes == b"RawValue") {
        return;
    }
    let message = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    // The last: where several may have signed, all must be tried.
    let asked = serde_json::from_slice(header).ok().and_then(|header| fitting(&header).last());
    let key = asked.or(KEYS.signing()).expect("a key that signs");
    let signature = key.sign(message.as_bytes()).expect("a signature");
    check(&format!("{message}.{signature}"));
}

/// Verifies the token with both configurations, and compares with the second reader.
pub(crate) fn check(token: &str) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    for config in &*CONFIGS {
        let outcome = verify(&KEYS, config, token, now);
        let expected = accepted(token, config, now);
        assert_eq!(outcome.is_ok(), expected.is_some(), "{:?}", outcome.err());
        let (Ok(claims), Some(read)) = (outcome, expected) else { continue };
        assert_eq!(read.get("sub").and_then(Value::as_str), claims.subject.as_deref());
        let answer = verified(claims, &HeaderMap::new());
        let headers = answer.headers();
        assert_eq!(answer.status(), 200);
        let groups = if read["admin"] == true { "users,admins" } else { "users" };
        assert_eq!(headers["x-auth-request-groups"], groups);
        let user = read["username"].as_str().expect("a text");
        assert_eq!(headers["x-auth-request-user"].as_bytes(), user.as_bytes());
    }
}

/// The claims of a token that the contract accepts, clause by clause.
fn accepted(token: &str, config: &TokenConfig, now: SystemTime) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let (header, claims) =
        (object(&strict_base64url(header)?)?, object(&strict_base64url(payload)?)?);
    strict_base64url(signature)?;
    let accepted = token.len() <= MAX_TOKEN_BYTES
        && ["crit", "b64", "zip"].iter().all(|name| !header.contains_key(*name))
        && ["typ", "kid"].iter().filter_map(|name| header.get(*name)).all(Value::is_string)
        && fitting(&Value::Object(header))
            .any(|key| matches!(key.verifies(message.as_bytes(), signature), Ok(true)))
        && acceptable(&claims, config, now);
    accepted.then_some(claims)
}

/// The keys that a header asks for.
fn fitting(header: &Value) -> impl Iterator<Item = &'static Key> + use<> {
    let algorithm = header["alg"].as_str().and_then(Algorithm::from_name);
    let kid = header["kid"].as_str().map(str::to_owned);
    let named = move |key: &&Key| kid.is_none() || kid.as_deref() == key.id.as_deref();
    KEYS.iter().filter(move |key| Some(key.algorithm) == algorithm).filter(named)
}

fn acceptable(claims: &Map<String, Value>, config: &TokenConfig, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let present = |names: [&'static str; 2]| names.into_iter().filter_map(|name| claims.get(name));
    let not_ahead = |time: &Value| time.as_f64().is_some_and(|time| time <= now + LEEWAY);
    let name = claims.get("username").and_then(Value::as_str).unwrap_or_default();
    let equals = |name: &str, demanded: &Option<String>| match (demanded, claims.get(name)) {
        (Some(demanded), given) => given.is_some_and(|given| given == demanded),
        (None, Some(Value::Array(names))) => name == "aud" && names.iter().all(Value::is_string),
        (None, given) => given.is_none_or(Value::is_string),
    };
    claims.get("exp").and_then(Value::as_f64).is_some_and(|expiry| now < expiry + LEEWAY)
        && present(["nbf", "iat"]).all(not_ahead)
        && present(["sub", "jti"]).all(Value::is_string)
        && !name.is_empty()
        && name == name.trim()
        && !name.contains(char::is_control)
        && claims.get("admin").is_some_and(Value::is_boolean)
        && equals("iss", &config.issuer)
        && equals("aud", &config.audience)
}

/// Base64url of which there is only one form: it encodes to the same again.
fn strict_base64url(part: &str) -> Option<Vec<u8>> {
    let decoded = URL_SAFE_NO_PAD.decode(part).ok()?;
    (URL_SAFE_NO_PAD.encode(&decoded) == part).then_some(decoded)
}

/// An object in which no name stands twice: it has as many members as there are colons outside of
/// texts, and of objects within it.
pub(crate) fn object(json: &[u8]) -> Option<Map<String, Value>> {
    let Value::Object(members) = serde_json::from_slice(json).ok()? else { return None };
    let (mut colons, mut depth, mut in_text, mut escaped) = (0, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth -= 1,
            b':' if !in_text && depth == 1 => colons += 1,
            _ => {}
        }
    }
    (members.len() == colons).then_some(members)
}
