//! Tokens for the rows: good ones, and ones that only their signer could make.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::keys::Keys;

/// `JWT_SECRET` of the functions under test.
pub const SECRET: &str = "the key of the system tests, 32 bytes and more";

/// Seconds since the epoch, and `offset`.
#[must_use]
pub(super) fn seconds(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is before the year 292277026596") + offset
}

/// A token for `username` as the Flask service made it.
#[must_use]
pub fn token(username: &str, admin: bool) -> String {
    token_with(&json!({
        "username": username, "admin": admin, "iat": seconds(0), "exp": seconds(3600),
    }))
}

/// A properly signed token with these claims.
///
/// # Panics
///
/// If it cannot be signed.
#[must_use]
pub fn token_with(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let keys = Keys::read(&SECRET.into()).expect("the key is long enough");
    let signature =
        keys.signing().and_then(|key| key.sign(message.as_bytes()).ok()).expect("HS256 signs");
    format!("{message}.{signature}")
}
