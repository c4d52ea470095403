//! Signatures that are broken, taken away, or declared unnecessary; on an HS256 key.

use serde_json::json;
use system_tests::{contract::SECRET, forge};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{HS256, Target, honest, with_payload},
};

#[test]
fn no_token_without_the_right_signature_verifies() {
    let target = Target::validate(SECRET);
    let good = with_payload(honest());
    let mut rows = broken(&good);
    rows.extend(keyless());
    rows.extend(unsigned());
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[SECRET]);
}

fn broken(good: &str) -> Vec<Attack> {
    const JWS: &str = "RFC 7515 5.2";
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mac = forge::mac(SECRET.as_bytes(), message);
    let seal = |bytes: &[u8]| forge::seal(message, bytes);
    let changed = |position: usize| {
        let mut mac = mac.clone();
        mac[position] ^= 1;
        forge::seal(message, mac)
    };
    let mut admin = crate::target::honest_claims();
    admin["admin"] = json!(true);
    let other = forge::message(HS256, admin.to_string());
    let header = forge::message(r#"{"alg":"HS256"}"#, honest());
    vec![
        passes("the signature as it is", &seal(&mac)),
        refused("its first bit changed", JWS, &changed(0)),
        refused("its last byte changed", JWS, &changed(31)),
        refused("the signature of another payload", JWS, &format!("{other}.{signature}")),
        refused("the signature of another header", JWS, &format!("{header}.{signature}")),
        refused("no signature, but its dot", "CVE-2020-28042", &format!("{message}.")),
        refused("no signature and no dot", "CVE-2020-28042", message),
        refused("the word null as the signature", "CVE-2020-28042", &format!("{message}.null")),
        refused("zeros", JWS, &seal(&[0; 32])),
        refused("the first half of the MAC", "RFC 2104 5", &seal(&mac[..16])),
        refused("the MAC but its last byte", "RFC 2104 5", &seal(&mac[..31])),
        refused("the MAC's first byte", "RFC 2104 5", &seal(&mac[..1])),
        refused("the MAC and a zero", JWS, &seal(&[&mac[..], &[0]].concat())),
        refused("the MAC twice", JWS, &seal(&[&mac[..], &mac[..]].concat())),
        refused("the MAC in hexadecimal", JWS, &seal(hex(&mac).as_bytes())),
        refused("the MAC of the message and its dot", JWS, &{
            forge::seal(message, forge::mac(SECRET.as_bytes(), &format!("{message}.")))
        }),
        refused("the MAC of the decoded parts", "RFC 7797 3", &{
            let text = format!("{HS256}.{}", honest());
            forge::seal(message, forge::mac(SECRET.as_bytes(), &text))
        }),
    ]
}

/// Keys that are none, and keys that everybody has.
fn keyless() -> Vec<Attack> {
    const ENTROPY: &str = "RFC 8725 3.5";
    let signed = |secret: &str| forge::hs256(secret, HS256, honest());
    let mut rows = vec![
        refused("an empty key", "CVE-2019-20933, CVE-2020-28637", &signed("")),
        refused("a key of one NUL", "CVE-2019-20933", &signed("\0")),
        refused("a key of 64 NULs", "CVE-2019-20933", &signed(&"\0".repeat(64))),
        refused("the secret in upper case", ENTROPY, &signed(&SECRET.to_uppercase())),
        refused("the secret and a line break", ENTROPY, &signed(&format!("{SECRET}\n"))),
        refused("the secret's beginning", ENTROPY, &signed(&SECRET[..32])),
        refused("the secret in Base64url", ENTROPY, &signed(&forge::encode(SECRET))),
    ];
    for word in ["secret", "admin123", "changeme", "your-256-bit-secret", "null", "undefined"] {
        rows.push(refused(format!("the key {word:?}"), ENTROPY, &signed(word)));
    }
    rows
}

/// `alg` says that there is nothing to be verified.
fn unsigned() -> Vec<Attack> {
    const NONE: &str = "RFC 8725 3.2, CVE-2015-9235, CVE-2022-23540";
    let mut rows = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "none ", "", "null", "plaintext"] {
        let header = json!({ "typ": "JWT", "alg": alg }).to_string();
        let message = forge::message(&header, honest());
        let signed = forge::hs256(SECRET, &header, honest());
        let keyless = forge::hs256("", &header, honest());
        for (how, token) in [
            ("no signature", forge::seal(&message, "")),
            ("no third part", message.clone()),
            ("a right MAC", signed),
            ("a MAC with an empty key", keyless),
        ] {
            rows.push(refused(format!("alg {alg:?} and {how}"), NONE, &token));
        }
    }
    for alg in ["HS384", "HS512", "hs256", "HS256 ", "HS-256", "HMAC", "A128KW", "dir"] {
        let header = json!({ "alg": alg }).to_string();
        let token = forge::hs256(SECRET, &header, honest());
        rows.push(refused(format!("alg {alg:?} and the MAC of HS256"), "RFC 8725 3.1", &token));
    }
    rows
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
