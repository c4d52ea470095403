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
    understood(&mut family);
    unsupported(&mut family);
    not_strict(&mut family);
    family
}

fn token<T: AsRef<str> + Copy>(header: T) -> (T, String) {
    (header, with_header(header.as_ref()))
}

fn understood(family: &mut Family) {
    let headers = [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","x":{"y":[1]}}"#,
        r#"{"alg":"HS256","x":{"crit":["exp"]},"cty":"JWT"}"#,
        r#"{"alg":"HS256"}  "#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#,
        r#"{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"x","x5c":["x"]}"#,
    ];
    family.tokens("control", Passes, headers.map(token));
}

fn unsupported(family: &mut Family) {
    // Members that change how the rest is read.
    let critical = [
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":["bork"]}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":"exp"}"#,
        r#"{"alg":"HS256","crit":null}"#,
    ];
    let source = "RFC 7515 4.1.11, GHSA-752w-5fwx-jx9f, CVE-2025-59420";
    family.tokens(source, Refused(UnsupportedHeader), critical.map(token));
    let unencoded = [
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":"HS256","b64":true}"#,
    ];
    family.tokens("RFC 7797 6, 7", Refused(UnsupportedHeader), unencoded.map(token));
    let compressed = [r#"{"alg":"HS256","zip":"DEF"}"#, r#"{"alg":"HS256","zip":null}"#];
    family.tokens("RFC 8725 3.6", Refused(UnsupportedHeader), compressed.map(token));
    for member in ["alg", "typ", "kid"] {
        for value in [json!(1), json!(true), json!(null), json!([]), json!(["HS256"]), json!({})] {
            let mut header = json!({ "alg": "HS256" });
            header[member] = value;
            let header = header.to_string();
            family.tokens("RFC 7515 4.1", Refused(UnsupportedHeader), [token(header.as_str())]);
        }
    }
    let nameless = ["{}", r#"{"typ":"JWT"}"#, r#"{"Alg":"HS256"}"#];
    family.tokens("RFC 7515 4.1.1", Refused(UnsupportedHeader), nameless.map(token));
    // One that is right but for the algorithm: there is no key of it.
    family.tokens("RFC 8725 3.1", Refused(UnknownKey), [token(r#"{"alg":"RS256"}"#)]);
}

fn not_strict(family: &mut Family) {
    let broken = [
        "",
        "[]",
        "null",
        r#""HS256""#,
        r#"{"alg":"HS256""#,
        r#"{"alg":"HS256"}}"#,
        r#"{"alg":"HS256",}"#,
        "{alg:HS256}",
        "{\"alg\":\"HS256\"}\0",
        "\u{feff}{\"alg\":\"HS256\"}",
        r#"{"alg":"HS256","x":01}"#,
        r#"{"alg":"HS256","x":NaN}"#,
        r#"{"alg":"HS256"/**/}"#,
        r#"{"alg":"\ud800"}"#,
        r#"{"alg":"HS256","x":"\ud800"}"#,
    ];
    family.tokens("RFC 7515 5.2", Refused(NotStrictJson), broken.map(token));
    let doubled = [
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
        r#"{"alg":"HS256","x":[{"y":1,"y":1}]}"#,
    ];
    family.tokens("RFC 7515 4", Refused(NotStrictJson), doubled.map(token));
    let bytes = with_header(b"{\"alg\":\"HS256\",\"x\":\"\xff\"}");
    family.tokens("RFC 8725 3.7", Refused(NotStrictJson), [("not UTF-8", bytes)]);
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
    let names = [
        "",
        " ",
        "../../../../../../dev/null",
        "/dev/null",
        "named\0",
        "named ",
        "named\n",
        "Named",
        "name",
        "%6eamed",
        "' UNION SELECT '1",
        "named' OR '1'='1",
        "|sleep 5",
        "${jndi:ldap://127.0.0.1:1/a}",
        "named\r\nX-Auth-Request-User: root",
        "\u{1b}[2Jnamed",
        "a\u{308}",
        &"k".repeat(5_000),
    ];
    family.tokens(INJECTION, Refused(UnknownKey), names.map(|kid| signed(SECRET, kid)));
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
