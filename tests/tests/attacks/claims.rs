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
const ONCE: &str = "RFC 7519 4";
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
    usernames(&mut family);
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

fn usernames(family: &mut Family) {
    let names = [
        "a\r\nX-Auth-Request-Groups: users,admins",
        "a\tb",
        "a\0",
        "\u{1b}[31mroot",
        "a\u{7f}",
        "a\u{85}b",
        " a",
        "a ",
        "\u{a0}a",
        "a\u{2028}",
        " ",
    ];
    let token = |name: &'static str| (format!("username {name:?}"), with("username", json!(name)));
    family.tokens("RFC 9110 5.5", Refused(Claim("username")), names.map(token));
    family.tokens("control", Passes, [token("ädä@example.com")]);
}

fn payloads(family: &mut Family) {
    let body = format!(r#""username":"a","admin":false,"exp":{}"#, expiry());
    let token = |payload: &'static str| (payload, with_payload(payload.replace('@', &body)));
    family.tokens("control", Passes, [token("{@}")]);
    let broken = [
        "",
        "[{@}]",
        "\"a\"",
        "null",
        "{@}{@}",
        "{@",
        "{@,}",
        "{@}\0",
        "\u{feff}{@}",
        "{@/* */}",
        r#"{@,"x":"\ud800"}"#,
    ];
    family.tokens(OBJECT, Refused(NotStrictJson), broken.map(token));
    let doubled = [
        r#"{@,"admin":true}"#,
        r#"{@,"username":"root"}"#,
        r#"{@,"exp":1}"#,
        r#"{@,"\u0061dmin":true}"#,
        r#"{@,"x":{"y":1,"y":1}}"#,
    ];
    family.tokens(ONCE, Refused(NotStrictJson), doubled.map(token));
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
    let issuers = [
        r#""""#,
        r#""https://issuer.exampl""#,
        r#""https://issuer.example.evil""#,
        r#""HTTPS://issuer.example""#,
        r#""https://issuer.example\u0000""#,
        AUDIENCE,
        "null",
        r#"["https://issuer.example"]"#,
        "{}",
    ];
    let wrong = Refused(Claim("iss"));
    let token = |iss: &'static str| (format!("iss {iss}"), both(iss, AUDIENCE));
    family.tokens("RFC 8725 3.8, CVE-2024-53861", wrong, issuers.map(token));
    family.tokens("RFC 8725 3.8", wrong, [("no iss", of(r#","aud":"api""#))]);
    family.tokens("RFC 8725 3.12", wrong, [("iss and aud swapped", both(AUDIENCE, ISSUER))]);
    let audiences = [
        r#""""#,
        r#""ap""#,
        r#""api2""#,
        r#""API""#,
        r#""api ""#,
        ISSUER,
        "null",
        "1",
        "[]",
        r#"["api"]"#,
        r#"["api","b"]"#,
        "{}",
    ];
    let wrong = Refused(Claim("aud"));
    let token = |aud: &'static str| (format!("aud {aud}"), both(ISSUER, aud));
    family.tokens("RFC 8725 3.9, CVE-2020-26160", wrong, audiences.map(token));
    family.tokens("RFC 8725 3.9", wrong, [("no aud", of(&format!(r#","iss":{ISSUER}"#)))]);
    family
}
