//! The compact serialisation, and signatures.

use aws_lc_rs::hmac;
use serde_json::json;

use super::*;

#[test]
fn only_three_parts_of_strict_base64url_are_a_token() {
    use InvalidToken::{Malformed, NotStrictJson, TooLong, UnsupportedHeader, WrongSignature};
    let good = signed(HEADER, &claims(&json!({})));
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let with_empty_key = {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"");
        let message = format!("{header}.{payload}");
        let mac = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let not_utf_8 = URL_SAFE_NO_PAD.encode(b"{\"a\":\"\xff\"}");
    assert_eq!(outcome(&good), Ok(()));
    for (why, token, expected) in [
        ("empty", String::new(), Malformed),
        ("one part", header.to_owned(), Malformed),
        ("two parts", format!("{header}.{payload}"), Malformed),
        ("an empty signature", format!("{header}.{payload}."), WrongSignature),
        ("four parts", format!("{good}.{signature}"), Malformed),
        ("five parts, as a JWE has", format!("{good}.{payload}.{signature}"), Malformed),
        ("only dots", "..".to_owned(), NotStrictJson),
        ("many dots", ".".repeat(8_000), Malformed),
        ("100,000 dots", ".".repeat(100_000), TooLong),
        ("a long token", format!("{good}{}", "A".repeat(9_000)), TooLong),
        ("padding", format!("{header}=.{payload}.{signature}"), Malformed),
        ("padding of the signature", format!("{good}="), Malformed),
        ("a blank", format!("{header}. {payload}.{signature}"), Malformed),
        ("a line break at the end", format!("{good}\n"), Malformed),
        ("Base64 instead of Base64url", sign_text(&format!("{header}.+/{payload}")), Malformed),
        ("stray bits in the payload", sign_text(&format!("{header}.e31")), Malformed),
        ("another last character", format!("{}A", &good[..good.len() - 1]), WrongSignature),
        ("stray bits in the signature", stray_bits(&good), Malformed),
        ("no algorithm and no signature", format!("{none}.{payload}."), UnsupportedHeader),
        (
            "no algorithm and a signature",
            format!("{none}.{payload}.{signature}"),
            UnsupportedHeader,
        ),
        ("a header that is not UTF-8", format!("{not_utf_8}.{payload}.{signature}"), NotStrictJson),
        ("a payload that is not UTF-8", sign_text(&format!("{header}.{not_utf_8}")), NotStrictJson),
        ("signed with an empty key", with_empty_key, WrongSignature),
        ("a JWS in JSON", format!(r#"{{"payload":"{payload}"}}"#), Malformed),
        ("parts swapped", format!("{payload}.{header}.{signature}"), UnsupportedHeader),
    ] {
        assert_eq!(outcome(&token), Err(expected), "{why}");
    }
}

/// The same signature in other bits: 43 characters hold 258 bits, of which 256 count.
fn stray_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = ALPHABET.find(token.chars().last().unwrap()).unwrap();
    format!("{}{}", &token[..token.len() - 1], &ALPHABET[last + 1..last + 2])
}
