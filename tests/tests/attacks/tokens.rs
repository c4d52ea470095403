//! Tokens that are signed with HS256, or said to be, and places in a request where none belongs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use shared::{config::TokenConfig, keys::Keys, token::verify};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair},
    http::Request,
};

use crate::{key_pairs::SIGNERS, table::Table};

/// The header of an honest token.
pub(crate) const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
/// Whom tokens name.
pub(crate) const USERNAME: &str = "canary@example.com";
/// The symmetric key that has a name, and its name.
pub(crate) const NAMED: (&str, &str) = ("another key of the attacks, with a name", "nämed");

/// The key set of `validate`: one public key of each kind, and two symmetric ones.
pub(crate) fn keys() -> String {
    let pairs = SIGNERS[..3].iter();
    let mut keys: Vec<_> = pairs.map(|(_, file)| KeyPair::of_tests(file).public_jwk()).collect();
    keys.push(json!({ "kty": "oct", "k": forge::encode(SECRET) }));
    keys.push(json!({ "kty": "oct", "kid": NAMED.1, "k": forge::encode(NAMED.0) }));
    json!({ "keys": keys }).to_string()
}

fn honest_claims() -> Value {
    let expiry = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    json!({ "username": USERNAME, "admin": false, "exp": expiry })
}

/// The payload of an honest token.
pub(crate) fn honest() -> String {
    honest_claims().to_string()
}

/// A token that is signed as it should be, with this header.
pub(crate) fn with_header(header: impl AsRef<[u8]>) -> String {
    signed(&forge::message(header, honest()))
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    signed(&forge::message(HS256, payload))
}

/// The right MAC behind exactly this text, whatever it is.
fn signed(message: &str) -> String {
    forge::seal(message, forge::mac(SECRET.as_bytes(), message))
}

/// An honest token with another value of a claim, or without it.
fn with_claim(claims: &Value, row: &str) -> String {
    let (name, value) = row.split_once(':').unwrap();
    let mut others = claims.clone();
    others.as_object_mut().unwrap().remove(name);
    let claim = if value.is_empty() { String::new() } else { format!(r#","{name}":{value}"#) };
    with_payload(others.to_string().replace('}', &(claim + "}")))
}

pub(crate) fn add(table: &mut Table) {
    table.tokens("control", "passes", [("the honest token", with_header(HS256))]);
    authorization(table);
    headers(table);
    table.token_rows("claim", |row| with_claim(&honest_claims(), row));
    let members = honest().trim_matches(['{', '}']).to_owned();
    table.token_rows("payload", |row| with_payload(row.replace('@', &members)));
    let not_utf8 = with_payload([b"{\"x\":\"\xff\",", members.as_bytes(), b"}"].concat());
    table.tokens("RFC 7519 7.2", "not strict JSON", [("not UTF-8", not_utf8)]);
    signatures(table);
    forms(table);
    sizes(table);
}

/// Attacks where an issuer and an audience are demanded.
pub(crate) fn demanded() -> Table {
    let mut table = Table::default();
    let mut claims = honest_claims();
    claims["iss"] = json!("https://issuer.example");
    claims["aud"] = json!("api");
    table.tokens("control", "passes", [("for us", with_payload(claims.to_string()))]);
    table.token_rows("demanded", |row| with_claim(&claims, row));
    table
}

fn authorization(table: &mut Table) {
    let good = with_header(HS256);
    let get = || Request::new("GET", "/validate");
    table.rows("authorization", |values| {
        let values = values.split('\n').map(|value| value.replace('@', &good));
        values.fold(get(), |request, value| request.header("authorization", value))
    });
    table.rows("path", |path| Request::new("GET", &path.replace('@', &good)));
    table.rows("header field", |field| {
        let (name, value) = field.split_once(": ").unwrap();
        get().header(name.to_owned().leak(), value.replace('@', &good))
    });
}

fn headers(table: &mut Table) {
    table.token_rows("header", |header| with_header(header));
    let bytes = with_header(b"{\"alg\":\"HS256\",\"x\":\"\xff\"}");
    table.tokens("RFC 8725 3.7", "not strict JSON", [("not UTF-8", bytes)]);
    let header = |alg: &str| json!({ "alg": alg }).to_string();
    table.token_rows("alg", |alg| with_header(header(alg)));
    table.token_rows("alg", |alg| forge::seal(&forge::message(header(alg), honest()), ""));
    table.token_rows("alg", |alg| forge::hs256("", &header(alg), honest()));
    let of_kid = |secret: &str, kid: &str| {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        ((secret.to_owned(), kid.to_owned()), forge::hs256(secret, &header, honest()))
    };
    table.tokens("control", "passes", [of_kid(NAMED.0, NAMED.1)]);
    table.token_rows("kid", |kid| of_kid(NAMED.0, kid).1);
    // The secret is what a naive look-up of the name would find.
    let found = [("", "/dev/null"), ("1", "' UNION SELECT '1"), ("", "missing"), ("null", "x")];
    let found = found.map(|(secret, kid)| of_kid(secret, kid));
    table.tokens("RFC 8725 3.10", "unknown key", found);
    let others = [of_kid(NAMED.1, NAMED.1), of_kid(SECRET, NAMED.1)];
    table.tokens("RFC 8725 3.10", "wrong signature", others);
}

/// A MAC of another text, or by a key that everybody has.
fn signatures(table: &mut Table) {
    let message = forge::message(HS256, honest());
    let others = [
        format!("{message}."),
        format!("{HS256}.{}", honest()),
        forge::message(HS256, "{}"),
        forge::message(r#"{"alg":"HS256"}"#, honest()),
    ];
    let moved = others.map(|other| {
        let token = forge::seal(&message, forge::mac(SECRET.as_bytes(), &other));
        (other, token)
    });
    table.tokens("RFC 7515 5.2", "wrong signature", moved);
    let keys = [
        "",
        "\0",
        &"\0".repeat(64),
        &SECRET.to_uppercase(),
        &format!("{SECRET}\n"),
        &SECRET[..32],
        &forge::encode(SECRET),
        "secret",
        "null",
    ];
    let guessed = keys.map(|key| (key.to_owned(), forge::hs256(key, HS256, honest())));
    table.tokens("RFC 8725 3.5, CVE-2019-20933, CVE-2020-28637", "wrong signature", guessed);
}

/// Other texts that a lenient verifier takes for the same token.
fn forms(table: &mut Table) {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // Bytes that the two alphabets of Base64 write differently.
    let payload = honest().replace('}', r#","x":"?>~?>~ÿÿ"}"#);
    let standard = STANDARD_NO_PAD.encode(&payload);
    assert_ne!(standard, forge::encode(&payload));
    let good = with_payload(&payload);
    let parts: Vec<&str> = good.split('.').collect();
    let filled = |form: &str| {
        let parts = form.chars().map(|letter| match letter {
            'H' => parts[0].to_owned(),
            'P' => parts[1].to_owned(),
            'S' => parts[2].to_owned(),
            '*' => standard.clone(),
            other => other.to_string(),
        });
        parts.collect::<String>()
    };
    table.token_rows("form", filled);
    // The MAC is over the text as it is sent, so that only the decoder can refuse it.
    table.token_rows("message", |message| signed(&filled(message)));
    let json =
        json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string();
    // 43 characters hold 258 bits: the last two must be 0.
    let (start, last) = good.split_at(good.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    let stray = format!("{start}{}", &ALPHABET[next..=next]);
    let tokens = [("JSON", forge::encode(json)), ("stray bits in the signature", stray)];
    table.tokens("RFC 7515 7.2, 2", "malformed", tokens);
}

fn sizes(table: &mut Table) {
    let holding = |value: &str| with_payload(honest().replace('}', &format!(r#","x":{value}}}"#)));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let long = |bytes: usize| {
        let filled = |filler: usize| holding(&format!("\"{}\"", "x".repeat(filler)));
        let short = filled(0).len();
        let tokens = (0..4).map(|more| filled((bytes - short) * 3 / 4 + more));
        tokens.into_iter().find(|token| token.len() == bytes).unwrap()
    };
    let good = [("8 KiB", long(8 * 1024)), ("100 deep", holding(&nested(100)))];
    table.tokens("control", "passes", good);
    let too_long = [
        ("8 KiB and a byte", long(8 * 1024 + 1)),
        ("6 MB, as much as an event holds", "A".repeat(6_000_000)),
    ];
    table.tokens("CVE-2025-30204", "too long", too_long);
    let dots = [("8,192 dots", ".".repeat(8 * 1024)), ("parts", "A.".repeat(4_000))];
    table.tokens("CVE-2025-27144", "malformed", dots);
    let deep_header = with_header(format!(r#"{{"alg":"HS256","x":{}}}"#, nested(1_000)));
    let deep = [
        ("a payload that is 129 deep", with_payload(nested(129))),
        ("a claim that is 2,500 deep", holding(&nested(2_500))),
        ("a list that is never closed", holding(&"[".repeat(5_000))),
        ("a header that is 1,000 deep", deep_header),
    ];
    table.tokens("RFC 8259 9", "not strict JSON", deep);
}

/// With a leeway of 5 s, to the millisecond. Types and far times are in `rows.txt`.
#[test]
fn each_time_has_exact_borders() {
    const NOW: i64 = 1_800_000_000_000;
    let verifies = |claims: &str, millis: i64| {
        let token = with_payload(format!(r#"{{"username":"a","admin":false,{claims}}}"#));
        let keys = Keys::read(&SECRET.into()).unwrap();
        let distance = Duration::from_millis(millis.unsigned_abs());
        let now = if millis < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
        verify(&keys, &TokenConfig::default(), &token, now).is_ok()
    };
    // The milliseconds of the clock at which a token just verifies, and just does not.
    for (source, claims, good, bad) in [
        ("RFC 7519 4.1.4", r#""exp":1800000000"#, NOW + 4_999, NOW + 5_000),
        ("RFC 7519 2", r#""exp":1.8e9"#, NOW + 4_999, NOW + 5_000),
        ("RFC 7519 2", r#""exp":1800000000.5"#, NOW + 5_499, NOW + 5_500),
        ("RFC 7519 4.1.5", r#""exp":4102444800,"nbf":1800000000"#, NOW - 5_000, NOW - 5_001),
        ("RFC 7519 2", r#""exp":4102444800,"nbf":1800000000.5"#, NOW - 4_500, NOW - 4_501),
        ("RFC 7519 4.1.6", r#""exp":4102444800,"iat":1800000000"#, NOW - 5_000, NOW - 5_001),
        ("RFC 8725 3.8, before 1970", r#""exp":1"#, -9_000, 6_000),
    ] {
        assert!(verifies(claims, good) && !verifies(claims, bad), "{claims} ({source})");
    }
    assert!(verifies(r#""exp":1e300"#, 1 << 50), "the clock far ahead, exp farther");
    assert!(!verifies(r#""exp":-9"#, -9_000), "the clock before 1970, exp too");
    assert!(!verifies(r#""exp":1800000000,"nbf":1800000100"#, NOW + 50_000), "nbf behind exp");
}
