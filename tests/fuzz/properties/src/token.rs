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
use serde_json::{Map, Value};
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
    let mut jwks = Vec::new();
    for material in materials {
        let set = JwkSet::read(&material.into()).expect("a test key");
        let _ = set.edit(|its| jwks.append(its));
    }
    let texts: Vec<&str> = jwks.iter().map(ExposeSecret::expose_secret).collect();
    let set = format!(r#"{{"keys":[{}]}}"#, texts.join(","));
    Arc::new(Keys::read(&set.into()).expect("test keys"))
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
        assert_eq!(outcome.is_ok(), verifies(token, config, now), "{:?}", outcome.err());
        let Ok(claims) = outcome else { continue };
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a part"));
        let read = object(payload.as_deref().expect("Base64url")).expect("an object");
        assert_eq!(read["username"], claims.username());
        assert_eq!(read["admin"], claims.admin());
        assert_eq!(read.get("sub").and_then(Value::as_str), claims.subject());
        let (username, admin) = (claims.username().to_owned(), claims.admin());
        let answer = verified(claims, &HeaderMap::new());
        assert_eq!(answer.status(), 200);
        let headers = answer.headers();
        assert_eq!(headers["x-auth-request-user"].as_bytes(), username.as_bytes());
        let groups = if admin { "users,admins" } else { "users" };
        assert_eq!(headers["x-auth-request-groups"], groups);
    }
}

/// The contract, clause by clause.
fn verifies(token: &str, config: &TokenConfig, now: SystemTime) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { return false };
    let decoded: Option<Vec<Vec<u8>>> = parts.iter().map(|part| strict_base64url(part)).collect();
    let Some(decoded) = decoded else { return false };
    let (Some(head), Some(claims)) = (object(&decoded[0]), object(&decoded[1])) else {
        return false;
    };
    let message = format!("{header}.{payload}");
    token.len() <= MAX_TOKEN_BYTES
        && ["crit", "b64", "zip"].iter().all(|name| !head.contains_key(*name))
        && [head.get("typ"), head.get("kid")].iter().flatten().all(|it| it.is_string())
        && fitting(&Value::Object(head))
            .any(|key| matches!(key.verifies(message.as_bytes(), signature), Ok(true)))
        && acceptable(&claims, config, now)
}

/// The keys that a header asks for.
fn fitting(header: &Value) -> impl Iterator<Item = &'static Key> + use<> {
    let algorithm = match header["alg"].as_str() {
        Some("HS256") => Some(Algorithm::Hs256),
        Some("RS256") => Some(Algorithm::Rs256),
        Some("ES256") => Some(Algorithm::Es256),
        Some("EdDSA" | "Ed25519") => Some(Algorithm::EdDsa),
        _ => None,
    };
    let kid = header["kid"].as_str().map(str::to_owned);
    let named = move |key: &&Key| kid.is_none() || kid.as_deref() == key.id();
    KEYS.iter().filter(move |key| Some(key.algorithm()) == algorithm).filter(named)
}

fn acceptable(claims: &Map<String, Value>, config: &TokenConfig, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let all = |names: [&str; 2], holds: &dyn Fn(&Value) -> bool| {
        names.iter().filter_map(|name| claims.get(*name)).all(holds)
    };
    let not_ahead = |time: &Value| time.as_f64().is_some_and(|time| time <= now + LEEWAY);
    let name = claims.get("username").and_then(Value::as_str).unwrap_or_default();
    let equals = |name: &str, demanded: &Option<String>| match (demanded, claims.get(name)) {
        (Some(demanded), given) => given.is_some_and(|given| given == demanded),
        (None, Some(Value::Array(names))) => name == "aud" && names.iter().all(Value::is_string),
        (None, given) => given.is_none_or(Value::is_string),
    };
    claims.get("exp").and_then(Value::as_f64).is_some_and(|expiry| now < expiry + LEEWAY)
        && all(["nbf", "iat"], &not_ahead)
        && all(["sub", "jti"], &Value::is_string)
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
