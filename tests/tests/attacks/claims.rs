//! Claims of wrong types, twice, or for somebody else; every signature is right.

use serde_json::{Value, json};
use system_tests::contract::SECRET;

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{HS256, Target, environment, honest, honest_claims, seconds, with_payload},
};

/// An honest payload with one claim replaced.
fn claim(name: &str, value: &Value) -> String {
    let mut claims = honest_claims();
    claims[name] = value.clone();
    claims.to_string()
}

#[test]
fn a_claim_has_its_type_and_is_there_once() {
    let target = Target::validate(SECRET);
    let mut rows = types();
    rows.extend(times());
    rows.extend(usernames());
    rows.extend(payloads());
    try_all(&target, "validate", &bearer(&with_payload(honest())), &rows);
    target.end(&[SECRET]);
}

/// Each claim against each type of JSON.
fn types() -> Vec<Attack> {
    let values = ["null", "true", "1", "1.5", r#""1""#, r#""""#, "[]", r#"["1"]"#, "{}"];
    let mut rows = Vec::new();
    for (claim_name, good) in [
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
        for value in values {
            let token = with_payload(claim(claim_name, &serde_json::from_str(value).unwrap()));
            let name = format!("{claim_name} is {value}");
            rows.push(if good.contains(&value) {
                passes(name, &token)
            } else {
                refused(name, "RFC 7519 4.1", &token)
            });
        }
    }
    for missing in ["username", "admin", "exp"] {
        let mut claims = honest_claims();
        claims.as_object_mut().unwrap().remove(missing);
        let token = with_payload(claims.to_string());
        rows.push(refused(format!("no {missing}"), "RFC 8725 3.8", &token));
    }
    rows
}

fn times() -> Vec<Attack> {
    let mut rows = Vec::new();
    for (name, value) in [
        ("exp", "-1"),
        ("exp", "0"),
        ("exp", "1e400"),
        ("exp", "-1e308"),
        ("exp", "0x7fffffff"),
        ("exp", "Infinity"),
        ("exp", r#""9999999999""#),
        ("nbf", r#""99999999999""#),
        ("nbf", "1e308"),
        ("nbf", "99999999999999999999999999"),
        ("iat", "1e308"),
        ("iat", "99999999999"),
    ] {
        let claims = honest();
        let claims = claims.trim_end_matches('}');
        let exp = if name == "exp" { format!(r#","{name}":{value}}}"#) } else { String::new() };
        let payload = if name == "exp" {
            format!(r#"{{"username":"a","admin":false{exp}"#)
        } else {
            format!(r#"{claims},"{name}":{value}}}"#)
        };
        let name = format!("{name} the number {value}");
        rows.push(refused(name, "RFC 7519 4.1.4, CVE-2026-25537", &with_payload(payload)));
    }
    for value in ["9007199254740993", "1e15", "99999999999.25", "18446744073709551615"] {
        let payload = format!(r#"{{"username":"a","admin":false,"exp":{value}}}"#);
        rows.push(passes(format!("exp far ahead: {value}"), &with_payload(payload)));
    }
    rows
}

fn usernames() -> Vec<Attack> {
    let mut rows = Vec::new();
    for name in [
        "a\r\nX-Auth-Request-Groups: users,admins",
        "a\nb",
        "a\rb",
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
    ] {
        let token = with_payload(claim("username", &json!(name)));
        rows.push(refused(format!("username {name:?}"), "RFC 9110 5.5", &token));
    }
    rows
}

fn payloads() -> Vec<Attack> {
    const OBJECT: &str = "RFC 7519 7.2";
    const ONCE: &str = "RFC 7519 4";
    let exp = seconds(60);
    let body = format!(r#""username":"a","admin":false,"exp":{exp}"#);
    let mut rows =
        vec![passes("the payload of the rows below", &with_payload(format!("{{{body}}}")))];
    for (name, source, payload) in [
        ("nothing", OBJECT, String::new()),
        ("a list", OBJECT, format!("[{{{body}}}]")),
        ("a text", OBJECT, "\"a\"".into()),
        ("null", OBJECT, "null".into()),
        ("two objects", OBJECT, format!("{{{body}}}{{{body}}}")),
        ("an open object", OBJECT, format!("{{{body}")),
        ("a comma at the end", OBJECT, format!("{{{body},}}")),
        ("a NUL at the end", OBJECT, format!("{{{body}}}\0")),
        ("a byte order mark", OBJECT, format!("\u{feff}{{{body}}}")),
        ("a comment", OBJECT, format!("{{{body}/* */}}")),
        ("a lone surrogate", "RFC 8725 3.7", format!(r#"{{{body},"x":"\ud800"}}"#)),
        ("a token in a token", OBJECT, with_payload(honest())),
        ("admin twice", ONCE, format!(r#"{{{body},"admin":true}}"#)),
        ("username twice", ONCE, format!(r#"{{{body},"username":"root"}}"#)),
        ("exp twice", ONCE, format!(r#"{{{body},"exp":{exp}}}"#)),
        ("admin twice, once escaped", ONCE, format!(r#"{{{body},"\u0061dmin":true}}"#)),
        ("twice in a nested object", ONCE, format!(r#"{{{body},"x":{{"y":1,"y":1}}}}"#)),
    ] {
        rows.push(refused(format!("payload: {name}"), source, &with_payload(payload)));
    }
    let bytes = [format!("{{{body},\"x\":\"").as_bytes(), b"\xff\"}"].concat();
    rows.push(refused("payload: not UTF-8", "RFC 8725 3.7", &with_payload(&bytes)));
    let utf16: Vec<u8> = format!("{{{body}}}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    rows.push(refused("payload: UTF-16", "RFC 8725 3.7", &with_payload(&utf16)));
    rows
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    let target = Target::start(
        "validate",
        environment(&[
            ("JWT_SECRET", SECRET),
            ("JWT_ISSUER", "https://issuer.example"),
            ("JWT_AUDIENCE", "api"),
        ]),
    );
    let of = |iss: &Value, aud: &Value| {
        let mut claims = honest_claims();
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if *value != json!("(absent)") {
                claims[name] = value.clone();
            }
        }
        system_tests::forge::hs256(SECRET, HS256, claims.to_string())
    };
    let [issuer, audience] = [json!("https://issuer.example"), json!("api")];
    let mut rows = vec![passes("both right", &of(&issuer, &audience))];
    for iss in [
        "(absent)",
        "",
        "https://issuer.exampl",
        "https://issuer.example/",
        "https://issuer.example.evil",
        "HTTPS://issuer.example",
        " https://issuer.example",
        "issuer.example",
        "https://issuer.example\0",
        "api",
    ] {
        let name = format!("iss {iss:?}");
        rows.push(refused(name, "RFC 8725 3.8, CVE-2024-53861", &of(&json!(iss), &audience)));
    }
    for aud in
        ["(absent)", "", "ap", "api2", "API", "api ", "api,other", "*", "https://issuer.example"]
    {
        rows.push(refused(format!("aud {aud:?}"), "RFC 8725 3.9", &of(&issuer, &json!(aud))));
    }
    for value in [json!(null), json!(1), json!([]), json!(["api"]), json!(["api", "b"]), json!({})]
    {
        let name = format!("aud {value}");
        rows.push(refused(name, "RFC 8725 3.9, CVE-2020-26160", &of(&issuer, &value)));
        let name = format!("iss {value}");
        rows.push(refused(name, "RFC 7519 4.1.1, CVE-2024-53861", &of(&value, &audience)));
    }
    let list = json!(["https://issuer.example"]);
    rows.push(refused("iss a list with the right one", "CVE-2024-53861", &of(&list, &audience)));
    rows.push(refused("iss and aud swapped", "RFC 8725 3.12", &of(&audience, &issuer)));
    try_all(&target, "validate", &bearer(&of(&issuer, &audience)), &rows);
    target.end(&[SECRET]);
}
