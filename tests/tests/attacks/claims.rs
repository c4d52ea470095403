//! Claims of wrong types, twice, or for somebody else; every signature is right.

use serde_json::{Value, json};
use shared::{
    config::TokenConfig,
    token::InvalidToken::{Claim, Expired, NotStrictJson, NotYetValid},
};
use system_tests::contract::SECRET;

use crate::{
    table::{
        Expected::{Passes, Refused},
        Family,
    },
    target::{expiry, honest, honest_claims, with_payload},
};

const OBJECT: &str = "RFC 7519 7.2, RFC 8725 3.7";
const TIMES: &str = "RFC 7519 4.1.4, CVE-2026-25537";

/// Honest claims with one replaced.
fn with(name: &str, value: Value) -> String {
    let mut claims = honest_claims();
    claims[name] = value;
    with_payload(claims.to_string())
}

pub(crate) fn family() -> Family {
    let mut family = Family::new(SECRET, with_payload(honest()));
    types(&mut family);
    times(&mut family);
    family.token_rows("username", |name| with("username", json!(name)));
    payloads(&mut family);
    family
}

/// Each claim with each type of JSON.
fn types(family: &mut Family) {
    const VALUES: [&str; 10] =
        ["null", "true", "1", "1.5", r#""1""#, r#""""#, "[]", r#"["1"]"#, "[1]", "{}"];
    for (claim, good) in [
        ("username", &[r#""1""#][..]),
        ("admin", &["true"][..]),
        ("exp", &[][..]),
        ("nbf", &["1", "1.5"][..]),
        ("iat", &["1", "1.5"][..]),
        ("sub", &[r#""1""#, r#""""#][..]),
        ("jti", &[r#""1""#, r#""""#][..]),
        ("iss", &[r#""1""#, r#""""#][..]),
        ("aud", &[r#""1""#, r#""""#, "[]", r#"["1"]"#][..]),
    ] {
        for value in VALUES {
            let expected = match (claim, value) {
                _ if good.contains(&value) => Passes,
                ("exp", "1" | "1.5") => Refused(Expired),
                _ => Refused(Claim(claim)),
            };
            let token = with(claim, serde_json::from_str(value).unwrap());
            family.tokens("RFC 7519 4.1", expected, [(format!("{claim} is {value}"), token)]);
        }
    }
    for claim in ["username", "admin", "exp"] {
        let mut claims = honest_claims();
        claims.as_object_mut().unwrap().remove(claim);
        let token = with_payload(claims.to_string());
        let expected = Refused(Claim(claim));
        family.tokens("RFC 8725 3.8", expected, [(format!("no {claim}"), token)]);
    }
}

fn times(family: &mut Family) {
    for (expected, claim, values) in [
        (Refused(Expired), "exp", &["-1", "0", "-1e308"][..]),
        (Refused(NotStrictJson), "exp", &["1e400", "0x7fffffff", "Infinity"][..]),
        (Refused(Claim("exp")), "exp", &[r#""9999999999""#][..]),
        (
            Passes,
            "exp",
            &["9007199254740993", "1e15", "99999999999.25", "18446744073709551615"][..],
        ),
        (Refused(NotYetValid), "nbf", &["1e308", "99999999999999999999999999"][..]),
        (Refused(Claim("nbf")), "nbf", &[r#""99999999999""#][..]),
        (Refused(NotYetValid), "iat", &["1e308", "99999999999"][..]),
    ] {
        let exp = if claim == "exp" { String::new() } else { format!(r#","exp":{}"#, expiry()) };
        let payload =
            |value: &str| format!(r#"{{"username":"a","admin":false{exp},"{claim}":{value}}}"#);
        let token = |value: &&str| (format!("{claim} is {value}"), with_payload(payload(value)));
        family.tokens(TIMES, expected, values.iter().map(token));
    }
}

fn payloads(family: &mut Family) {
    let body = format!(r#""username":"a","admin":false,"exp":{}"#, expiry());
    family.token_rows("payload", |payload| with_payload(payload.replace('@', &body)));
    let utf16 = format!("{{{body}}}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bytes = [
        ("not UTF-8", [format!("{{{body},\"x\":\"").as_bytes(), b"\xff\"}"].concat()),
        ("UTF-16", utf16),
        ("a token in a token", with_payload(honest()).into_bytes()),
    ];
    let token = |(name, payload): (_, Vec<u8>)| (name, with_payload(payload));
    family.tokens(OBJECT, Refused(NotStrictJson), bytes.map(token));
}

pub(crate) fn of_another_issuer_or_audience() -> Family {
    const ISSUER: &str = r#""https://issuer.example""#;
    const AUDIENCE: &str = r#""api""#;
    let exp = expiry();
    let of = |claims: &str| {
        with_payload(format!(r#"{{"username":"a","admin":false,"exp":{exp}{claims}}}"#))
    };
    let both = |iss: &str, aud: &str| of(&format!(r#","iss":{iss},"aud":{aud}"#));
    let mut family = Family::new(SECRET, both(ISSUER, AUDIENCE));
    family.config = TokenConfig {
        issuer: Some("https://issuer.example".into()),
        audience: Some("api".into()),
        ..TokenConfig::default()
    };
    family.token_rows("iss", |iss| both(iss, AUDIENCE));
    let wrong = Refused(Claim("iss"));
    family.tokens("RFC 8725 3.8", wrong, [("no iss", of(r#","aud":"api""#))]);
    family.tokens("RFC 8725 3.12", wrong, [("iss and aud swapped", both(AUDIENCE, ISSUER))]);
    family.token_rows("aud", |aud| both(ISSUER, aud));
    let wrong = Refused(Claim("aud"));
    family.tokens("RFC 8725 3.9", wrong, [("no aud", of(&format!(r#","iss":{ISSUER}"#)))]);
    family
}
