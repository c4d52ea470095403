//! Attacks by tokens with HS256 in their headers, and tokens at wrong places of a request.

use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use shared::{config::VerifyConfig, keys::Keys, token::verify};
use system_tests::{Request, SECRET, forge, seconds};

use crate::{Table, filled, key_pairs::SIGNERS};

/// The header of a good token.
pub(crate) const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
/// A symmetric key with a `kid`, and its `kid`.
pub(crate) const NAMED: (&str, &str) = ("another key of the attacks, with a name", "nämed");

/// The key set of `validate`: one public key of each kind, and two symmetric ones.
pub(crate) fn keys() -> String {
    let pairs = SIGNERS[..3].iter();
    let mut keys: Vec<_> = pairs.map(|(_, file)| forge::public_jwk(&forge::pem(file))).collect();
    keys.push(json!({ "kty": "oct", "k": forge::encode(SECRET) }));
    keys.push(json!({ "kty": "oct", "kid": NAMED.1, "k": forge::encode(NAMED.0) }));
    json!({ "keys": keys }).to_string()
}

fn honest_claims() -> Value {
    json!({ "username": "canary@example.com", "admin": false, "exp": seconds(3600) })
}

/// The payload of a good token.
pub(crate) fn honest() -> String {
    honest_claims().to_string()
}

/// A correctly signed token with this header.
pub(crate) fn with_header(header: impl AsRef<[u8]>) -> String {
    signed(&forge::message(header, honest()))
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    signed(&forge::message(HS256, payload))
}

/// This text as the signing input, with its right HMAC.
fn signed(message: &str) -> String {
    format!("{message}.{}", forge::mac(SECRET, message))
}

/// A good token with another value of a claim, or without the claim.
fn with_claim(claims: &Value, row: &str) -> String {
    let (name, value) = row.split_once(':').unwrap();
    let mut others = claims.clone();
    others.as_object_mut().unwrap().remove(name);
    let claim = if value.is_empty() { String::new() } else { format!(r#","{name}":{value}"#) };
    with_payload(others.to_string().replace('}', &(claim + "}")))
}

/// Attacks on a `validate` with a configured issuer and audience.
pub(crate) fn with_issuer_and_audience() -> Table {
    let mut table = Table::default();
    let mut claims = honest_claims();
    claims["iss"] = json!("https://issuer.example");
    claims["aud"] = json!("api");
    table.token("control", "passes", "right issuer", &with_payload(claims.to_string()));
    table.token_rows("configured claim", |row| with_claim(&claims, row));
    table
}

/// Attacks on a `validate` that accepts tokens in the cookie `token`.
pub(crate) fn cookies() -> Table {
    let mut table = Table::default();
    let (good, forged) = (with_header(HS256), forge::hs256("", HS256, honest()));
    table.rows("cookie", |row| {
        let headers = filled(row, &[("@", &good), ("{forged}", &forged)]);
        headers.split('\n').fold(Request::new("GET", "/validate"), |request, header| {
            let (name, value) = header.split_once(':').unwrap();
            request.header(name, value.trim_start())
        })
    });
    table
}

pub(crate) fn add(table: &mut Table) {
    let good = with_header(HS256);
    let get = || Request::new("GET", "/validate");
    table.rows("authorization", |values| {
        let values = values.split('\n').map(|value| value.replace('@', &good));
        values.fold(get(), |request, value| request.header("authorization", value))
    });
    table.rows("path", |path| Request::new("GET", &path.replace('@', &good)));
    table.rows("header field", |field| {
        let (name, value) = field.split_once(": ").unwrap();
        get().header(name, value.replace('@', &good))
    });
    table.token_rows("header", |header| with_header(header));
    let header = |alg: &str| json!({ "alg": alg }).to_string();
    table.token_rows("alg", |alg| with_header(header(alg)));
    table.token_rows("alg", |alg| format!("{}.", forge::message(header(alg), honest())));
    table.token_rows("alg", |alg| forge::hs256("", &header(alg), honest()));
    table.token_rows("kid", |kid| {
        forge::hs256(NAMED.0, &json!({ "alg": "HS256", "kid": kid }).to_string(), honest())
    });
    table.token_rows("claim", |row| with_claim(&honest_claims(), row));
    let members = honest().trim_matches(['{', '}']).to_owned();
    table.token_rows("payload", |row| with_payload(row.replace('@', &members)));
    forms(table);
    sizes(table, &members);
}

/// Other spellings of a token, which a lenient verifier accepts.
fn forms(table: &mut Table) {
    // Bytes whose encoding differs between the two alphabets of Base64.
    let payload = honest().replace('}', r#","x":"?>~?>~ÿÿ"}"#);
    let good = with_payload(&payload);
    let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let standard = STANDARD_NO_PAD.encode(&payload);
    let places = [("{H}", header), ("{P}", body), ("{S}", signature), ("{P in Base64}", &standard)];
    table.token_rows("form", |form| filled(form, &places));
    // The HMAC is right for the text as sent, so that only the decoder can refuse it.
    table.token_rows("message", |message| signed(&filled(message, &places)));
    // 43 characters are 258 bits, of which the last two must be 0; here one of them is 1.
    let (start, last) = good.split_at(good.len() - 1);
    let stray = format!("{start}{}", char::from(last.as_bytes()[0] + 1));
    table.token("RFC 7515 2", "malformed", "stray bits in the signature", &stray);
}

/// Tokens that are too long or too deep for a row, or not UTF-8. `members` are good claims.
fn sizes(table: &mut Table, members: &str) {
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let holding = |value: &str| with_payload(format!(r#"{{{members},"x":{value}}}"#));
    let mut long = (5_900..6_144).map(|filler| holding(&format!("\"{}\"", "x".repeat(filler))));
    let long = long.find(|token| token.len() == 8 * 1024).unwrap();
    let header = |value: &[u8]| with_header([br#"{"alg":"HS256","x":"#, value, b"}"].concat());
    let not_utf_8 = [b"{\"x\":\"\xff\",", members.as_bytes(), b"}"].concat();
    for (source, expected, name, token) in [
        ("control", "passes", "8 KiB", &*long),
        ("control", "passes", "100 deep", &holding(&nested(100))),
        ("CVE-2025-30204", "too long", "8 KiB and a byte", &(long.clone() + "A")),
        ("CVE-2025-30204", "too long", "as much as an event holds", &"A".repeat(6_000_000)),
        ("CVE-2025-27144", "malformed", "8,192 dots", &".".repeat(8 * 1024)),
        ("CVE-2025-27144", "malformed", "parts", &"A.".repeat(4_000)),
        ("RFC 8259 9", "not strict JSON", "129 deep", &with_payload(nested(129))),
        ("RFC 8259 9", "not strict JSON", "2,500 deep", &holding(&nested(2_500))),
        ("RFC 8259 9", "not strict JSON", "never closed", &holding(&"[".repeat(5_000))),
        ("RFC 8259 9", "not strict JSON", "header 1,000 deep", &header(nested(1_000).as_bytes())),
        ("RFC 8725 3.7", "not strict JSON", "header not UTF-8", &header(b"\"\xff\"")),
        ("RFC 7519 7.2", "not strict JSON", "payload not UTF-8", &with_payload(not_utf_8)),
    ] {
        table.token(source, expected, name, token);
    }
}

/// The default leeway is 5 s. Types of claims and distant times are in `rows.yaml`.
#[test]
fn each_time_claim_is_checked_to_the_millisecond() {
    const NOW: i64 = 1_800_000_000_000;
    let keys = Keys::read(&SECRET.into()).unwrap();
    let verifies_with = |config: &VerifyConfig, claims: &str, millis: i64| {
        let token = with_payload(format!(r#"{{"username":"a","admin":false,{claims}}}"#));
        let distance = Duration::from_millis(millis.unsigned_abs());
        let now = if millis < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
        verify(&keys, config, &token, now).is_ok()
    };
    let verifies = |claims: &str, millis| verifies_with(&VerifyConfig::default(), claims, millis);
    // The times in milliseconds at which a token just verifies and just does not.
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
    for seconds in [0, 300] {
        let config = VerifyConfig { leeway: Duration::from_secs(seconds), ..Default::default() };
        let (exp, leeway) = (r#""exp":1800000000"#, i64::try_from(seconds).unwrap() * 1000);
        let verifies = |millis| verifies_with(&config, exp, NOW + millis);
        assert!(verifies(leeway - 1) && !verifies(leeway), "JWT_LEEWAY_SECONDS={seconds}");
    }
    assert!(verifies(r#""exp":1e300"#, 1 << 50), "a late clock, a later exp");
    assert!(!verifies(r#""exp":-9"#, -9_000), "the clock and exp before 1970");
    assert!(!verifies(r#""exp":1800000000,"nbf":1800000100"#, NOW + 50_000), "nbf after exp");
}
