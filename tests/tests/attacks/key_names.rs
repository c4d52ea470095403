//! One key, one algorithm, one name: tokens that say otherwise, keys in headers, and keys that come
//! and go.

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
};

use serde_json::{Value, json};
use shared::{
    keys::Keys,
    token::InvalidToken::{UnknownKey, WrongSignature},
};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair, Scheme},
};

use crate::{
    key_pairs::{PAIRS, header},
    table::{
        Expected::{Passes, Refused},
        Family,
    },
    target::{HS256, honest, with_header},
};

fn header_with_kid(algorithm: &str, kid: &str) -> String {
    json!({ "alg": algorithm, "kid": kid }).to_string()
}

fn kid(file: &str) -> String {
    KeyPair::of_tests(file).public_jwk()["kid"].as_str().unwrap().to_owned()
}

/// A function that has a key of each kind, the symmetric one named `secret`.
fn with_all_kinds() -> Family {
    let mut keys = PAIRS.map(|(_, file, _)| KeyPair::of_tests(file).public_jwk()).to_vec();
    keys.push(json!({ "kty": "oct", "kid": "secret", "k": forge::encode(SECRET) }));
    let control = with_header(header_with_kid("HS256", "secret"));
    Family::new(json!({ "keys": keys }).to_string(), control)
}

/// What everybody may know is taken for the secret of an HMAC.
pub(crate) fn public_keys_as_secrets() -> Family {
    const CONFUSION: &str = "RFC 8725 2.1, CVE-2016-10555, CVE-2022-29217";
    let mut family = with_all_kinds();
    for (algorithm, file, _) in PAIRS {
        let pem = forge::pem(&format!("{file}-public"));
        let jwk = KeyPair::of_tests(file).public_jwk();
        let kid = kid(file);
        let published = Keys::read(&pem.as_str().into()).unwrap().public_set();
        let number = jwk["n"].as_str().or(jwk["x"].as_str()).unwrap();
        for secret in [
            pem.as_bytes(),
            pem.trim_end().as_bytes(),
            pem.replace('\n', "\r\n").as_bytes(),
            pem.replace('\n', "").as_bytes(),
            &forge::der(&pem),
            published.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").as_bytes(),
            published.as_bytes(),
            kid.as_bytes(),
            number.as_bytes(),
        ] {
            for (header, reason) in [
                (HS256.to_owned(), WrongSignature),
                (header_with_kid("HS256", &kid), UnknownKey),
                (header_with_kid(algorithm, &kid), WrongSignature),
                (header_with_kid("HS256", "secret"), WrongSignature),
            ] {
                let token = forge::hs256(secret, &header, honest());
                let name = format!("a public key of {} bytes as the secret", secret.len());
                family.tokens(CONFUSION, Refused(reason), [(name, token)]);
            }
        }
    }
    family
}

/// Neither `alg` nor `kid` chooses how a key is used.
pub(crate) fn one_key_under_the_name_of_another() -> Family {
    let mut family = with_all_kinds();
    let pairs = PAIRS.map(|(algorithm, file, scheme)| (algorithm, kid(file), Some((file, scheme))));
    let signers = [&pairs[..], &[("HS256", "secret".to_owned(), None)]].concat();
    for (algorithm, own, pair) in &signers {
        let token = |header: String| {
            let token = match pair {
                Some((file, scheme)) => KeyPair::of_tests(file).token(*scheme, &header, honest()),
                None => with_header(&header),
            };
            (format!("{header} of {algorithm}"), token)
        };
        let good = [token(header(algorithm)), token(header_with_kid(algorithm, own))];
        family.tokens("control", Passes, good);
        for (said, kid, _) in signers.iter().filter(|(said, ..)| said != algorithm) {
            let used = [token(header(said)), token(header_with_kid(said, kid))];
            family.tokens("RFC 8725 3.1", Refused(WrongSignature), used);
            let unused =
                [token(header_with_kid(said, own)), token(header_with_kid(algorithm, kid))];
            family.tokens("RFC 8725 3.1", Refused(UnknownKey), unused);
        }
    }
    family
}

/// A function that trusts this key.
fn of_rsa(key: &KeyPair) -> Family {
    let good = key.token(Scheme::Pkcs1Sha256, &header("RS256"), honest());
    Family::new(forge::pem("rsa-2048-public"), good)
}

/// A header with these members on top.
fn merged(algorithm: &str, extra: &Value) -> String {
    let mut header = json!({ "alg": algorithm });
    header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    header.to_string()
}

/// A token's own key, which is never used.
pub(crate) fn keys_in_headers() -> Family {
    const EMBEDDED: &str = "RFC 8725 3.10, CVE-2018-0114";
    let trusted = KeyPair::of_tests("rsa-2048");
    let mut family = of_rsa(&trusted);
    // In standard Base64, as `x5c` has it (RFC 7515 section 4.1.6).
    let certificate: String =
        forge::pem("certificate").lines().filter(|line| !line.starts_with("-----")).collect();
    for (algorithm, _, scheme) in PAIRS {
        let own = KeyPair::new(algorithm);
        let jwk = own.public_jwk();
        for (extra, names_a_key) in [
            (json!({ "jwk": jwk }), true),
            (json!({ "jwk": jwk, "kid": jwk["kid"] }), false),
            (json!({ "jwk": jwk, "kid": kid("rsa-2048") }), true),
            (json!({ "x5c": [certificate] }), true),
            (json!({ "jwks": { "keys": [jwk] } }), true),
        ] {
            let known = names_a_key && algorithm == "RS256";
            let reason = if known { WrongSignature } else { UnknownKey };
            let header = merged(algorithm, &extra);
            let token = own.token(scheme, &header, honest());
            family.tokens(EMBEDDED, Refused(reason), [(header, token)]);
        }
    }
    let header = merged("HS256", &json!({ "jwk": { "kty": "oct", "k": forge::encode("own") } }));
    let token = forge::hs256("own", &header, honest());
    family.tokens(EMBEDDED, Refused(UnknownKey), [(header, token)]);
    let header = merged("RS256", &json!({ "jwk": KeyPair::new("ES256").public_jwk() }));
    let token = trusted.token(Scheme::Pkcs1Sha256, &header, honest());
    family.tokens("control", Passes, [("the right signature beside a foreign jwk", token)]);
    family
}

#[tokio::test]
async fn no_address_in_a_token_is_ever_connected_to() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let [own, trusted] = [KeyPair::new("RS256"), KeyPair::of_tests("rsa-2048")];
    let mut family = of_rsa(&trusted);
    for name in ["jku", "x5u", "iss", "jwk", "x5c", "kid"] {
        let header = merged("RS256", &json!({ name: format!("http://{address}/keys") }));
        let [forged, right] =
            [&own, &trusted].map(|key| key.token(Scheme::Pkcs1Sha256, &header, honest()));
        let (reason, outcome) = match name {
            "kid" => (UnknownKey, Refused(UnknownKey)),
            _ => (WrongSignature, Passes),
        };
        family.tokens("RFC 8725 3.10", Refused(reason), [(&header, forged)]);
        family.tokens("RFC 7515 4.1", outcome, [(&header, right)]);
    }
    family.check_in_process().await;
    family.check_over_http();
    let seen = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(seen, Err(ErrorKind::WouldBlock), "a client has connected");
    let connection = TcpStream::connect(address).unwrap();
    assert!(listener.accept().is_ok(), "a connection would have been seen");
    drop(connection);
}

/// Keys that come and go: a key that was taken away signs nothing more.
pub(crate) fn rotated() -> [Family; 2] {
    const ROTATED: &str = "RFC 7515 4.1.4, RFC 8725 3.10";
    let secret = |key: &str| format!("{SECRET} {key}");
    let jwk = |kid: &str| json!({ "kty": "oct", "kid": kid, "k": forge::encode(secret(kid)) });
    // A token of a key that says it is of the key `kid`, or of none.
    let token = |key: &str, kid: &str| {
        let header = if kid.is_empty() { header("HS256") } else { header_with_kid("HS256", kid) };
        let name = format!("{header} of the {key} key");
        (name, forge::hs256(secret(key), &header, honest()))
    };
    let set = json!({ "keys": [jwk("new"), jwk("old")] }).to_string();
    let mut both = Family::new(set, token("new", "").1);
    both.tokens("control", Passes, [token("new", "new"), token("old", "old"), token("old", "")]);
    both.tokens(ROTATED, Refused(WrongSignature), [token("new", "old"), token("old", "new")]);
    both.tokens(ROTATED, Refused(UnknownKey), [token("old", "other")]);
    let mut alone = Family::new(json!({ "keys": [jwk("new")] }).to_string(), token("new", "").1);
    alone.tokens("control", Passes, [token("new", "new")]);
    for key in ["old", "never"] {
        alone.tokens(ROTATED, Refused(WrongSignature), [token(key, "new"), token(key, "")]);
        alone.tokens(ROTATED, Refused(UnknownKey), [token(key, "old"), token(key, "never")]);
    }
    [both, alone]
}
