//! Tokens: one that verifies has the only valid encoding, a signature by a key that fits its
//! header, and times that are valid now.

#[path = "../../../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    config::VerifyConfig,
    keys::{self, JwkSet, Key, Keys},
    respond,
    token::verify,
};

use self::pem_of::pem_of;

/// The current time for all tokens.
const NOW: u32 = 1_800_000_000;
const LEEWAY: f64 = 5.0;
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// One key of each kind, and a second symmetric key with a `kid`.
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
        let set: Value = serde_json::from_str(set.text.expose_secret()).expect("JSON");
        set["keys"][0].clone()
    });
    Arc::new(Keys::read(&json!({ "keys": jwks }).to_string().into()).expect("test keys"))
});

/// The first line is the header, the rest the payload. They are signed with the key that fits the
/// header, so that the signature is right if there is such a key.
pub(crate) fn signed_token(input: &[u8]) {
    let (header, payload) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&br#"{"alg":"HS256"}"#[..], input),
    };
    // serde_json::Value, the second parser, treats an object with this member name as raw JSON.
    if input.windows(8).any(|bytes| bytes == b"RawValue") {
        return;
    }
    let message = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    // The last one, to prove that the verifier tries all fitting keys.
    let last = serde_json::from_slice(header).ok().and_then(|header| fitting(&header).last());
    let key = last.or(KEYS.signing()).expect("a key that signs");
    let signature = key.sign(message.as_bytes()).expect("a signature");
    check(&format!("{message}.{signature}"));
}

/// Verifies a token. If it passes, its properties hold, and the answer has the data of its claims.
pub(crate) fn check(token: &str) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW.into());
    let Ok(verified) = verify(&KEYS, &VerifyConfig::default(), token, now) else { return };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let decode = |part| {
        let decoded = URL_SAFE_NO_PAD.decode(part).expect("Base64url");
        assert_eq!(URL_SAFE_NO_PAD.encode(&decoded), part, "two encodings of the same token");
        decoded
    };
    let parts: Vec<_> = token.split('.').map(decode).collect();
    let [header, payload, _] = &parts[..] else { panic!("{} parts", parts.len()) };
    let [header, claims] =
        [header, payload].map(|it| serde_json::from_slice::<Value>(it).expect("JSON"));
    assert!(["crit", "b64", "zip"].iter().all(|name| header.get(name).is_none()));
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let has_signed = |key: &Key| matches!(key.verifies(message.as_bytes(), signature), Ok(true));
    assert!(fitting(&header).any(has_signed), "signed by another key");

    let number = |name: &str| claims.get(name).map(|it| it.as_f64().expect("a number"));
    assert!(number("exp").is_some_and(|it| f64::from(NOW) < it + LEEWAY));
    assert!(["nbf", "iat"].map(number).iter().flatten().all(|it| *it <= f64::from(NOW) + LEEWAY));
    let subject = claims["sub"].as_str();
    assert_eq!((&verified.payload[..], verified.subject.as_deref()), (&payload[..], subject));
    let answer = respond::verified(&verified);
    let [user, groups] =
        ["user", "groups"].map(|it| &answer.headers()[format!("x-auth-request-{it}")]);
    assert_eq!(Some(user.as_bytes()), claims["username"].as_str().map(str::as_bytes));
    let own = if claims["admin"] == true { "users,admins" } else { "users" };
    let groups = groups.to_str().expect("ASCII");
    let further = groups.strip_prefix(own).expect("our own groups").split(',');
    let claimed = claims["groups"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, group) in further.enumerate() {
        let is_reserved = ["users", "admins"].contains(&&*group.to_ascii_lowercase());
        let is_claimed = !is_reserved && claimed.contains(&group.into());
        assert!(if index == 0 { group.is_empty() } else { is_claimed }, "{groups}");
    }
}

/// The keys that fit the `alg` and `kid` of a header.
fn fitting(header: &Value) -> impl Iterator<Item = &'static Key> + use<> {
    let algorithm = header["alg"].as_str().and_then(keys::algorithm);
    let kid = header["kid"].as_str().map(str::to_owned);
    let named = move |key: &&Key| kid.is_none() || kid.as_deref() == key.id.as_deref();
    KEYS.iter().filter(move |key| Some(key.algorithm) == algorithm).filter(named)
}
