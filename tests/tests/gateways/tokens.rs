//! Tokens of the key with which `login` signs here, and ones that nobody should take for them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use system_tests::forge::{KeyPair, Scheme, hs256, message, pem};

/// As in the files of the examples.
pub(crate) const ISSUER: &str = "https://auth.example.com";
/// As in the files of the examples.
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// Whose token it is.
pub(crate) const USER: &str = "demo@example.com";

/// The key of both functions, in a PEM file of the workspace's tests.
pub(crate) const KEY: &str = "p256";

fn header() -> String {
    let kid = &KeyPair::of_tests(KEY).public_jwk()["kid"];
    json!({ "typ": "JWT", "alg": "ES256", "kid": kid }).to_string()
}

/// Claims of a token that expires in so many seconds.
fn claims(admin: bool, lifetime: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let now = i64::try_from(now.as_secs()).expect("it is before the year 292277026596");
    json!({
        "username": USER, "admin": admin, "iat": now - 3600, "exp": now + lifetime, "sub": "1",
        "iss": ISSUER, "aud": AUDIENCE,
    })
}

fn signed(claims: &Value) -> String {
    KeyPair::of_tests(KEY).token(Scheme::P256Fixed, &header(), claims.to_string())
}

/// A token that every gateway lets through.
pub(crate) fn good() -> String {
    signed(&claims(false, 600))
}

/// The same of an administrator.
pub(crate) fn of_an_administrator() -> String {
    signed(&claims(true, 600))
}

/// Of the right key, but of yesterday.
pub(crate) fn expired() -> Vec<String> {
    vec![signed(&claims(true, -10)), signed(&claims(true, -86400))]
}

/// Of a key that nobody trusts, of none at all, of the public key taken for a secret, changed after
/// it was signed, or of the right key for somebody else.
pub(crate) fn forged() -> Vec<String> {
    let wanted = claims(true, 600).to_string();
    let with = |claim: &str, value: Value| {
        let mut claims = claims(true, 600);
        claims[claim] = value;
        signed(&claims)
    };
    let good = good();
    let signature = good.rsplit('.').next().expect("a signature");
    vec![
        KeyPair::new("ES256").token(Scheme::P256Fixed, &header(), &wanted),
        format!("{}.", message(r#"{"alg":"none"}"#, &wanted)),
        hs256(pem(&format!("{KEY}-public")), r#"{"alg":"HS256"}"#, &wanted),
        format!("{}.{signature}", message(header(), &wanted)),
        with("iss", json!("https://other.example.com")),
        with("aud", json!("https://other.example.com")),
        with("exp", Value::Null),
    ]
}
