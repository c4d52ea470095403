//! JOSE headers that ask for what is not understood, and a `kid` as a path, a query, a command;
//! the signature under them is right where nothing else is said.

use serde_json::{Value, json};
use shared::token::InvalidToken::{NotStrictJson, UnknownKey, UnsupportedHeader, WrongSignature};
use system_tests::{contract::SECRET, forge};

use crate::{
    table::{
        Expected::{Passes, Refused},
        Family,
    },
    target::{HS256, honest, with_header},
};

pub(crate) fn family() -> Family {
    let mut family = Family::new(SECRET, with_header(HS256));
    family.token_rows("header", |header| with_header(header.as_bytes()));
    for member in ["alg", "typ", "kid"] {
        for value in [json!(1), json!(true), json!(null), json!([]), json!(["HS256"]), json!({})] {
            let mut header = json!({ "alg": "HS256" });
            header[member] = value;
            let header = header.to_string();
            let token = with_header(&header);
            family.tokens("RFC 7515 4.1", Refused(UnsupportedHeader), [(header, token)]);
        }
    }
    let bytes = with_header(b"{\"alg\":\"HS256\",\"x\":\"\xff\"}");
    family.tokens("RFC 8725 3.7", Refused(NotStrictJson), [("not UTF-8", bytes)]);
    family
}

/// A `kid` is compared, and nothing else.
pub(crate) fn kids() -> Family {
    const INJECTION: &str = "RFC 8725 3.10";
    let set = json!({ "keys": [
        { "kty": "oct", "kid": "named", "k": forge::encode(SECRET) },
        { "kty": "oct", "kid": "ä", "k": forge::encode(SECRET.to_uppercase()) },
    ]});
    let signed = |secret: &str, kid: &str| {
        let header = json!({ "alg": "HS256", "kid": Value::from(kid) }).to_string();
        let name = format!("kid {kid:?}, signed with {} bytes", secret.len());
        (name, forge::hs256(secret, &header, honest()))
    };
    let mut family = Family::new(set.to_string(), signed(SECRET, "named").1);
    family.tokens("control", Passes, [signed(&SECRET.to_uppercase(), "ä")]);
    family.token_rows("kid", |kid| signed(SECRET, kid).1);
    let long = signed(SECRET, &"k".repeat(5_000));
    family.tokens(INJECTION, Refused(UnknownKey), [long]);
    // The secret is what a naive look-up of the name would find.
    let found = [
        ("", "/dev/null"),
        ("2\n", "/proc/sys/kernel/randomize_va_space"),
        ("1", "' UNION SELECT '1"),
        ("", "missing"),
        ("null", "missing"),
    ];
    let found = found.map(|(secret, kid)| signed(secret, kid));
    family.tokens(INJECTION, Refused(UnknownKey), found);
    let others = [signed("named", "named"), signed(SECRET, "ä")];
    family.tokens(INJECTION, Refused(WrongSignature), others);
    family
}
