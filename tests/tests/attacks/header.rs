//! JOSE headers that bring a key along, name an address to fetch one from, or ask for what
//! is not understood; the signature under them is right where nothing else is said.

use std::{io::ErrorKind, net::TcpListener};

use serde_json::{Value, json};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair, Scheme},
};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest, with_header},
};

#[test]
fn a_key_that_a_token_brings_along_is_never_used() {
    let target = Target::validate(&forge::pem("rsa-2048-public"));
    let key = KeyPair::of_tests("rsa-2048");
    let mut rows = Vec::new();
    for (algorithm, scheme) in
        [("RS256", Scheme::Pkcs1Sha256), ("ES256", Scheme::P256Fixed), ("EdDSA", Scheme::Ed25519)]
    {
        let own = KeyPair::new(algorithm);
        let jwk = own.public_jwk();
        let trusted = key.public_jwk()["kid"].clone();
        for (how, extra) in [
            ("jwk", json!({ "jwk": jwk })),
            ("jwk and its kid", json!({ "jwk": jwk, "kid": jwk["kid"] })),
            ("jwk and the trusted kid", json!({ "jwk": jwk, "kid": trusted })),
            ("x5c", json!({ "x5c": [certificate()] })),
            ("jwks", json!({ "jwks": { "keys": [jwk] } })),
        ] {
            let header = merged(algorithm, &extra);
            let name = format!("an own {algorithm} key in {how}");
            let token = own.token(scheme, &header, honest());
            rows.push(refused(name, "RFC 8725 3.10, CVE-2018-0114", &token));
        }
    }
    let oct = json!({ "jwk": { "kty": "oct", "k": forge::encode("own") } });
    let token = forge::hs256("own", &merged("HS256", &oct), honest());
    rows.push(refused("an own secret in jwk", "RFC 8725 3.10", &token));
    let foreign = json!({ "jwk": KeyPair::new("ES256").public_jwk() });
    let token = key.token(Scheme::Pkcs1Sha256, &merged("RS256", &foreign), honest());
    rows.push(passes("the right signature beside a foreign jwk", &token));
    let good = key.token(Scheme::Pkcs1Sha256, r#"{"alg":"RS256"}"#, honest());
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[]);
}

#[test]
fn no_address_in_a_token_is_ever_connected_to() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let target = Target::validate(&forge::pem("rsa-2048-public"));
    let trusted = KeyPair::of_tests("rsa-2048");
    let own = KeyPair::new("RS256");
    let mut rows = Vec::new();
    for name in ["jku", "x5u", "iss", "kid", "jwk", "x5c"] {
        let header = merged("RS256", &json!({ name: url }));
        let token = own.token(Scheme::Pkcs1Sha256, &header, honest());
        let what = format!("an own key and {name} a URL");
        rows.push(refused(what, "RFC 8725 3.10", &token));
        if name != "kid" {
            let token = trusted.token(Scheme::Pkcs1Sha256, &header, honest());
            rows.push(passes(format!("the right signature and {name} a URL"), &token));
        }
    }
    let good = trusted.token(Scheme::Pkcs1Sha256, r#"{"alg":"RS256"}"#, honest());
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[]);

    let nobody = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(nobody, Err(ErrorKind::WouldBlock), "somebody connected");
    let connection = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(listener.accept().is_ok(), "a connection would have been seen");
    drop(connection);
}

#[test]
fn what_a_header_asks_for_is_understood_or_refused() {
    let target = Target::validate(SECRET);
    let mut rows = critical();
    rows.extend(wrong_types());
    rows.extend(doubled());
    let good = with_header(r#"{"alg":"HS256"}"#);
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[SECRET]);
}

/// Members that change how the rest is read.
fn critical() -> Vec<Attack> {
    const CRIT: &str = "RFC 7515 4.1.11, GHSA-752w-5fwx-jx9f, CVE-2025-59420";
    let row = |name: &str, source, extra: Value| {
        refused(name, source, &with_header(&merged("HS256", &extra)))
    };
    let harmless = merged("HS256", &json!({ "x": { "crit": ["exp"] }, "cty": "JWT" }));
    vec![
        passes("crit as a member of another object", &with_header(&harmless)),
        row("crit names a claim", CRIT, json!({ "crit": ["exp"], "exp": 1 })),
        row("crit names what is not there", CRIT, json!({ "crit": ["bork"] })),
        row("crit names alg", CRIT, json!({ "crit": ["alg"] })),
        row("crit empty", CRIT, json!({ "crit": [] })),
        row("crit a text", CRIT, json!({ "crit": "exp" })),
        row("crit null", CRIT, json!({ "crit": null })),
        row("crit false", CRIT, json!({ "crit": false })),
        row("crit an object", CRIT, json!({ "crit": {} })),
        row("b64 false and critical", "RFC 7797 6", json!({ "crit": ["b64"], "b64": false })),
        row("b64 false", "RFC 7797 6", json!({ "b64": false })),
        row("b64 true", "RFC 7797 7", json!({ "b64": true })),
        row("zip", "RFC 8725 3.6", json!({ "zip": "DEF" })),
        row("zip null", "RFC 8725 3.6", json!({ "zip": null })),
        refused("b64 false, and a payload that is not encoded", "RFC 7797 3", &{
            let header = forge::encode(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#);
            let message = format!(r#"{header}.{{"username":"a"}}"#);
            forge::seal(&message, forge::mac(SECRET.as_bytes(), &message))
        }),
    ]
}

fn wrong_types() -> Vec<Attack> {
    let mut rows = Vec::new();
    for member in ["alg", "typ", "kid"] {
        for value in [json!(1), json!(true), json!(null), json!([]), json!(["HS256"]), json!({})] {
            let header = merged("HS256", &json!({ member: value }));
            let name = format!("{member} is {value}");
            rows.push(refused(name, "RFC 7515 4.1", &with_header(&header)));
        }
    }
    for header in [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "1",
        r#""HS256""#,
        r#"["alg","HS256"]"#,
        r#"{"typ":"JWT"}"#,
        r#"{"Alg":"HS256"}"#,
        r#"{"alg":"HS256""#,
        r#"{"alg":"HS256"}}"#,
        r#"{"alg":"HS256",}"#,
        r"{'alg':'HS256'}",
        "{\"alg\":\"HS256\"}\0",
        "\u{feff}{\"alg\":\"HS256\"}",
        r#"{"alg":"HS256","x":01}"#,
        r#"{"alg":"HS256","x":NaN}"#,
        r#"{"alg":"HS256"/**/}"#,
        r#"{"alg":"\ud800"}"#,
        r#"{"alg":"HS256","x":"\ud800"}"#,
    ] {
        let name = format!("the header {header:?}");
        rows.push(refused(name, "RFC 7515 5.2", &with_header(header)));
    }
    let bytes = [&br#"{"alg":"HS256","x":""#[..], b"\xff", b"\"}"].concat();
    let message = forge::message(bytes, honest());
    let token = forge::seal(&message, forge::mac(SECRET.as_bytes(), &message));
    rows.push(refused("a header that is not UTF-8", "RFC 8725 3.7", &token));
    rows
}

fn doubled() -> Vec<Attack> {
    let rows = [
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
        r#"{"alg":"HS256","x":[{"y":1,"y":1}]}"#,
    ];
    let row =
        |header: &str| refused(format!("twice: {header}"), "RFC 7515 4", &with_header(header));
    rows.map(row).into()
}

/// A header with these members on top.
fn merged(algorithm: &str, extra: &Value) -> String {
    let mut header = json!({ "alg": algorithm });
    for (name, value) in extra.as_object().unwrap() {
        header[name] = value.clone();
    }
    header.to_string()
}

/// In standard Base64, as `x5c` has it (RFC 7515 section 4.1.6).
fn certificate() -> String {
    forge::pem("certificate").lines().filter(|line| !line.starts_with("-----")).collect()
}
