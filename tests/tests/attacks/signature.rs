//! HS256 tokens whose signature is broken, taken away or declared unnecessary, other forms of a
//! good token, and tokens that are long, deep or full of dots.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::json;
use shared::token::InvalidToken::{
    Malformed, NotStrictJson, TooLong, UnsupportedHeader, WrongSignature,
};
use system_tests::{contract::SECRET, forge};

use crate::{
    table::{
        Expected::{MissingBearer, Passes, Refused},
        Family, bearer,
    },
    target::{HS256, honest, honest_claims, signed, with_header, with_payload},
};

pub(crate) fn family() -> Family {
    let good = with_payload(honest());
    let mut family = Family::new(SECRET, good.as_str());
    broken(&mut family, &good);
    guessed(&mut family);
    unsigned(&mut family);
    family
}

fn broken(family: &mut Family, good: &str) {
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mac = forge::mac(SECRET.as_bytes(), message);
    let changed = |position: usize| {
        let mut mac = mac.clone();
        mac[position] ^= 1;
        mac
    };
    let signatures = [
        ("its first bit changed", changed(0)),
        ("its last byte changed", changed(31)),
        ("zeros", vec![0; 32]),
        ("the MAC and a zero", [&mac[..], &[0]].concat()),
        ("the MAC twice", [&mac[..], &mac[..]].concat()),
        ("the MAC in Base64url twice", forge::encode(&mac).into()),
        (
            "the MAC of the message and its dot",
            forge::mac(SECRET.as_bytes(), &format!("{message}.")),
        ),
        (
            "the MAC of the decoded parts",
            forge::mac(SECRET.as_bytes(), &format!("{HS256}.{}", honest())),
        ),
    ];
    let seal = |(name, bytes): (_, Vec<u8>)| (name, forge::seal(message, bytes));
    family.tokens("RFC 7515 5.2, RFC 7797 3", Refused(WrongSignature), signatures.map(seal));
    let short = [16, 31, 1].map(|bytes| (format!("{bytes} bytes of it"), mac[..bytes].to_vec()));
    let short = short.map(|(name, bytes)| (name, forge::seal(message, bytes)));
    family.tokens("RFC 2104 5", Refused(WrongSignature), short);
    let mut admin = honest_claims();
    admin["admin"] = json!(true);
    let other_payload = forge::message(HS256, admin.to_string());
    let other_header = forge::message(r#"{"alg":"HS256"}"#, honest());
    let moved =
        [other_payload, other_header].map(|other| ("moved", format!("{other}.{signature}")));
    family.tokens("RFC 7515 5.2", Refused(WrongSignature), moved);
    let stripped = [("", format!("{message}.")), ("null", format!("{message}.null"))];
    family.tokens("CVE-2020-28042", Refused(WrongSignature), stripped);
    family.tokens("CVE-2020-28042", Refused(Malformed), [("no third part", message.to_owned())]);
}

/// Keys that are none, and keys that everybody has.
fn guessed(family: &mut Family) {
    let token = |key: &str| (format!("the key {key:?}"), forge::hs256(key, HS256, honest()));
    let nothing = ["", "\0", &"\0".repeat(64)].map(token);
    family.tokens("CVE-2019-20933, CVE-2020-28637", Refused(WrongSignature), nothing);
    let near = [
        SECRET.to_uppercase().as_str(),
        format!("{SECRET}\n").as_str(),
        &SECRET[..32],
        forge::encode(SECRET).as_str(),
        "secret",
        "your-256-bit-secret",
        "null",
    ]
    .map(token);
    family.tokens("RFC 8725 3.5", Refused(WrongSignature), near);
}

/// `alg` says that there is nothing to be verified, or something else.
fn unsigned(family: &mut Family) {
    const NONE: &str = "RFC 8725 3.2, CVE-2015-9235, CVE-2022-23540";
    for alg in ["none", "None", "NONE", "nOnE", "none ", "", "null", "plaintext"] {
        let header = json!({ "typ": "JWT", "alg": alg }).to_string();
        let message = forge::message(&header, honest());
        let tokens = [
            (format!("alg {alg:?}, no signature"), forge::seal(&message, "")),
            (format!("alg {alg:?}, a right MAC"), signed(&message)),
            (format!("alg {alg:?}, a MAC with an empty key"), forge::hs256("", &header, honest())),
        ];
        family.tokens(NONE, Refused(UnsupportedHeader), tokens);
        family.tokens(NONE, Refused(Malformed), [(format!("alg {alg:?}, no third part"), message)]);
    }
    let others = ["HS384", "HS512", "hs256", "HS256 ", "HS-256", "HMAC", "A128KW", "dir"];
    let token = |alg: &'static str| (alg, with_header(json!({ "alg": alg }).to_string()));
    family.tokens("RFC 8725 3.1", Refused(UnsupportedHeader), others.map(token));
}

/// A verifier that is lenient here takes two texts for one token.
pub(crate) fn forms() -> Family {
    // Bytes that the two alphabets of Base64 write differently, and parts that need padding.
    let payload = honest().replace('}', r#","x":"?>~?>~ÿÿ"}"#);
    let good = with_payload(&payload);
    let mut family = Family::new(SECRET, good.as_str());
    parts(&mut family, &good);
    alphabets(&mut family, &payload);
    family
}

fn parts(family: &mut Family, good: &str) {
    const COMPACT: &str = "RFC 7515 7.1";
    const JSON: &str = "RFC 7515 7.2";
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let jwe = forge::encode(r#"{"alg":"dir","enc":"A128GCM"}"#);
    family.token_rows("form", |form| {
        let parts = form.chars().map(|letter| match letter {
            'H' => header.to_owned(),
            'P' => payload.to_owned(),
            'S' => signature.to_owned(),
            other => other.to_string(),
        });
        parts.collect()
    });
    let swapped = signed(&format!("{payload}.{header}"));
    family.tokens(COMPACT, Refused(UnsupportedHeader), [("swapped", swapped)]);
    let empty = [format!(".{payload}"), format!("{header}.")].map(|it| (it.clone(), signed(&it)));
    family.tokens(COMPACT, Refused(NotStrictJson), empty);
    family.tokens(COMPACT, Refused(NotStrictJson), [("..", "..".to_owned())]);
    let flattened = json!({ "protected": header, "payload": payload, "signature": signature });
    let general = json!({
        "payload": payload, "signatures": [{ "protected": header, "signature": signature }],
    });
    let json = [flattened, general].map(|json| json.to_string());
    // Its commas look like those between two headers.
    let requests = json.iter().map(|json| (json, bearer(json)));
    family.requests(JSON, MissingBearer, requests);
    let encoded = json.iter().map(|json| (json, forge::encode(json)));
    family.tokens(JSON, Refused(Malformed), encoded);
    let encrypted = format!("{jwe}..{}.{payload}.{signature}", forge::encode([0; 12]));
    let source = "RFC 8725 2.3, GHSA-c8v6-786g-vjx6";
    family.tokens(source, Refused(Malformed), [("a JWE", encrypted)]);
    let encrypted = signed(&format!("{jwe}.{payload}"));
    family.tokens(source, Refused(UnsupportedHeader), [("the header of a JWE", encrypted)]);
}

/// Each part in other alphabets. The MAC is over the text as it is sent, so that only the
/// decoder can refuse it.
fn alphabets(family: &mut Family, payload: &str) {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (header, encoded) = (forge::encode(HS256), forge::encode(payload));
    let standard = STANDARD_NO_PAD.encode(payload);
    assert!(standard != encoded, "the payload tells the alphabets apart");
    let padded = URL_SAFE.encode(r#"{"alg":"HS256"}  "#);
    assert!(padded.ends_with('='), "the header needs padding");
    let message = format!("{header}.{encoded}");
    let good = signed(&message);
    // 43 characters hold 258 bits: the last two must be 0.
    let (start, last) = good.split_at(good.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    let tokens = [
        ("the payload in standard Base64", signed(&format!("{header}.{standard}"))),
        ("the header padded", signed(&format!("{padded}.{encoded}"))),
        ("the payload with one = more", signed(&format!("{message}="))),
        ("the payload and a tilde", signed(&format!("{message}~"))),
        ("the header in plain text", signed(&format!("{{\"alg\":\"HS256\"}}.{encoded}"))),
        ("a stray letter behind the header", signed(&format!("{header}A.{encoded}"))),
        ("stray bits in the payload", signed(&format!("{header}.e31"))),
        ("stray bits in the signature", format!("{start}{}", &ALPHABET[next..=next])),
    ];
    family.tokens("RFC 7515 2, RFC 4648 3", Refused(Malformed), tokens);
}

/// An honest token of exactly so many bytes.
pub(crate) fn long(bytes: usize) -> String {
    let filled = |filler: usize| holding(&format!("\"{}\"", "x".repeat(filler)));
    let short = filled(0).len();
    let tokens = (0..4).map(|more| filled((bytes - short) * 3 / 4 + more));
    tokens.into_iter().find(|token| token.len() == bytes).unwrap()
}

/// An honest token with `value` as a claim that means nothing.
fn holding(value: &str) -> String {
    with_payload(honest().replace('}', &format!(r#","x":{value}}}"#)))
}

pub(crate) fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

pub(crate) fn sizes() -> Family {
    const RESOURCES: &str = "CVE-2025-30204, CVE-2025-27144";
    const DEPTH: &str = "RFC 8259 9";
    let mut family = Family::new(SECRET, with_payload(honest()));
    let members: Vec<String> = (0..300).map(|index| format!(r#""m{index}":0"#)).collect();
    let good = [
        ("8 KiB", long(8 * 1024)),
        ("100 deep", holding(&nested(100))),
        ("300 members", holding(&format!("{{{}}}", members.join(",")))),
    ];
    family.tokens("control", Passes, good);
    let too_long = [
        ("8 KiB and a byte", long(8 * 1024 + 1)),
        ("9 KiB", long(9 * 1024)),
        ("1 MB, properly signed", long(1_000_000)),
        ("6 MB, as much as an event holds", "A".repeat(6_000_000)),
        ("100,000 dots", ".".repeat(100_000)),
        ("10,000 deep", with_payload(nested(10_000))),
    ];
    family.tokens(RESOURCES, Refused(TooLong), too_long);
    let dots = [
        ("8,192 dots", ".".repeat(8 * 1024)),
        ("4,000 parts", "A.".repeat(4_000)),
        ("dots before a token", format!("{}{}", ".".repeat(7_000), holding("1"))),
    ];
    family.tokens(RESOURCES, Refused(Malformed), dots);
    let deep = [
        ("a claim that is 2,500 deep", holding(&nested(2_500))),
        ("a payload that is 129 deep", with_payload(nested(129))),
        ("a list that is never closed", holding(&"[".repeat(5_000))),
        ("objects that are never closed", holding(&r#"{"x":"#.repeat(1_000))),
        (
            "a header that is 1,000 deep",
            with_header(format!(r#"{{"alg":"HS256","x":{}}}"#, nested(1_000))),
        ),
        ("a number beyond floats", holding(&format!("{}e999", "9".repeat(5_000)))),
    ];
    family.tokens(DEPTH, Refused(NotStrictJson), deep);
    family
}
