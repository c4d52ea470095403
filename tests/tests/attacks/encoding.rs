//! Other forms of a good token: a verifier that is lenient here takes two texts for one.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::json;
use system_tests::{contract::SECRET, forge};

use crate::{
    row::{Attack, Expected, attack, bearer, passes, refused, try_all},
    signature::hex,
    target::{HS256, Target, honest, with_payload},
};

const STRICT: &str = "RFC 7515 2, RFC 4648 3";

/// The MAC over exactly this text, whatever it is.
fn sealed(message: &str) -> String {
    forge::seal(message, forge::mac(SECRET.as_bytes(), message))
}

#[test]
fn a_token_has_one_form() {
    let target = Target::validate(SECRET);
    // Bytes that the two alphabets of Base64 write differently, and parts that need padding.
    let payload = honest().replace('}', r#","x":"?>~?>~ÿÿ"}"#);
    let good = with_payload(&payload);
    let mut rows = forms(&good);
    rows.extend(alphabets(&payload));
    rows.extend(changed_characters(&good));
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[SECRET]);
}

fn forms(good: &str) -> Vec<Attack> {
    const COMPACT: &str = "RFC 7515 7.1";
    const JSON: &str = "RFC 7515 7.2";
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let mut rows: Vec<Attack> = [
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("four parts, the last empty", format!("{good}.")),
        ("a dot before", format!(".{good}")),
        ("an empty header", sealed(&format!(".{payload}"))),
        ("an empty payload", sealed(&format!("{header}."))),
        ("nothing but two dots", "..".into()),
        ("two dots in a row", format!("{header}..{payload}.{signature}")),
        ("header and payload swapped", sealed(&format!("{payload}.{header}"))),
        ("the token twice", format!("{good}{good}")),
        ("the token twice, with a dot", format!("{good}.{good}")),
        ("in quotes", format!("\"{good}\"")),
        ("in brackets", format!("<{good}>")),
        ("a question mark behind it", format!("{good}?")),
        ("a line break, percent-encoded", format!("{good}%0a")),
        ("the dots percent-encoded", good.replace('.', "%2e")),
        ("a blank in it", format!("{header}. {payload}.{signature}")),
        ("a tab in it", format!("{header}.\t{payload}.{signature}")),
        ("two blanks and a word behind it", format!("{good}  x")),
        ("a parameter behind it", format!("{good};x=1")),
        ("the scheme twice", format!("Bearer {good}")),
    ]
    .map(|(name, token)| refused(name, COMPACT, &token))
    .into();
    let flattened = json!({ "protected": header, "payload": payload, "signature": signature });
    let general = json!({
        "payload": payload, "signatures": [{ "protected": header, "signature": signature }],
    });
    for (name, json) in [("flattened", flattened), ("general", general)] {
        // Its commas look like those between two headers.
        let (name, token) = (format!("JSON instead of dots, {name}"), bearer(&json.to_string()));
        rows.push(attack(&name, JSON, token, Expected::MissingBearer));
        let encoded = forge::encode(json.to_string());
        rows.push(refused(format!("in Base64url: {name}"), JSON, &encoded));
    }
    let jwe = forge::encode(r#"{"alg":"dir","enc":"A128GCM"}"#);
    rows.push(refused("a JWE", "RFC 8725 2.3, GHSA-c8v6-786g-vjx6", &{
        format!("{jwe}..{}.{payload}.{signature}", forge::encode([0; 12]))
    }));
    rows.push(refused("a JWE header on three parts", "RFC 8725 3.1", &{
        sealed(&format!("{jwe}.{payload}"))
    }));
    rows.push(refused("five parts with the right header", COMPACT, &format!("{header}.{good}.x")));
    rows
}

/// Each part in other alphabets. The MAC is over the text as it is sent, so that only the
/// decoder can refuse it.
fn alphabets(payload: &str) -> Vec<Attack> {
    let (header, encoded) = (forge::encode(HS256), forge::encode(payload));
    let odd = forge::encode(r#"{"alg":"HS256"}  "#);
    let standard = STANDARD_NO_PAD.encode(payload);
    assert!(standard != encoded, "the payload tells the alphabets apart");
    let padded = URL_SAFE.encode(r#"{"alg":"HS256"}  "#);
    assert!(padded.ends_with('='), "the header needs padding");
    let signature = forge::mac(SECRET.as_bytes(), &format!("{header}.{encoded}"));
    let message = format!("{header}.{encoded}");
    vec![
        passes("the header with blanks in its JSON", &sealed(&format!("{odd}.{encoded}"))),
        refused("the payload in standard Base64", STRICT, &sealed(&format!("{header}.{standard}"))),
        refused("the header padded", STRICT, &sealed(&format!("{padded}.{encoded}"))),
        refused("the payload with one = more", STRICT, &sealed(&format!("{message}="))),
        refused(
            "the signature padded",
            STRICT,
            &format!("{message}.{}", URL_SAFE.encode(&signature)),
        ),
        refused("the payload and a tilde", STRICT, &sealed(&format!("{message}~"))),
        refused(
            "the header in plain text",
            STRICT,
            &sealed(&format!("{HS256}.{encoded}").replace(',', " ")),
        ),
        refused(
            "the payload in hexadecimal",
            STRICT,
            &sealed(&format!("{header}.{}", hex(payload.as_bytes()))),
        ),
        refused(
            "a stray letter behind the header",
            STRICT,
            &sealed(&format!("{header}A.{encoded}")),
        ),
        refused("bits that count for nothing", "RFC 4648 3.5", &{
            // 43 characters hold 258 bits: the last two must be 0.
            let text = forge::encode(&signature);
            format!("{message}.{}", with_stray_bits(&text))
        }),
    ]
}

fn with_stray_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = text.split_at(text.len() - 1);
    let index = ALPHABET.find(last).unwrap();
    format!("{start}{}", &ALPHABET[index + 1..index + 2])
}

/// One character of each part replaced by its neighbour.
fn changed_characters(good: &str) -> Vec<Attack> {
    let middle = |part: usize| {
        let before: usize = good.split('.').take(part).map(|part| part.len() + 1).sum();
        before + good.split('.').nth(part).unwrap().len() / 2
    };
    let row = |part: usize| {
        let position = middle(part);
        let mut bytes = good.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let token = String::from_utf8(bytes).unwrap();
        refused(format!("a character of part {}", part + 1), "RFC 7515 5.2", &token)
    };
    (0..3).map(row).collect()
}
