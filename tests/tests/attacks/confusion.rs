//! One key, one algorithm: what happens if a token says otherwise.

use serde_json::{Value, json};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair, Scheme},
};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest, with_header},
};

/// The three kinds of pairs, by the names of their files.
const PAIRS: [(&str, &str, Scheme); 3] = [
    ("RS256", "rsa-2048", Scheme::Pkcs1Sha256),
    ("ES256", "p256", Scheme::P256Fixed),
    ("EdDSA", "ed25519", Scheme::Ed25519),
];

/// A set of one key of each kind, the symmetric one named `secret`.
fn set() -> String {
    let jwk = |(_, name, _): (_, &str, _)| KeyPair::of_tests(name).public_jwk();
    let mut keys: Vec<Value> = PAIRS.map(jwk).into();
    keys.push(json!({ "kty": "oct", "kid": "secret", "k": forge::encode(SECRET) }));
    json!({ "keys": keys }).to_string()
}

fn kid(name: &str) -> String {
    KeyPair::of_tests(name).public_jwk()["kid"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_public_is_no_hmac_secret() {
    let target = Target::validate(&set());
    let published = target.service().request("GET", "/.well-known/jwks.json").send();
    let published = published.text();
    let keys: Value = serde_json::from_str(published).unwrap();
    let mut rows = Vec::new();
    for (index, (algorithm, name, _)) in PAIRS.iter().enumerate() {
        let pem = forge::pem(&format!("{name}-public"));
        let jwk = &keys["keys"][index];
        assert_eq!(jwk["alg"], *algorithm, "the set is in its order");
        for (form, secret) in [
            ("PEM", pem.as_bytes()),
            ("PEM without its last line break", pem.trim_end().as_bytes()),
            ("PEM with CRLF", pem.replace('\n', "\r\n").as_bytes()),
            ("PEM in one line", pem.replace('\n', "").as_bytes()),
            ("DER", &forge::der(&pem)),
            ("JWK", jwk.to_string().as_bytes()),
            ("JWK Set as it is published", published.as_bytes()),
            ("kid", kid(name).as_bytes()),
            ("modulus or coordinate", jwk["n"].as_str().or(jwk["x"].as_str()).unwrap().as_bytes()),
        ] {
            rows.extend(macs(algorithm, &kid(name), form, secret));
        }
    }
    let good = with_header(r#"{"alg":"HS256","kid":"secret"}"#);
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[SECRET]);
}

fn macs(algorithm: &str, kid: &str, form: &str, secret: &[u8]) -> Vec<Attack> {
    let headers = [
        ("HS256", r#"{"typ":"JWT","alg":"HS256"}"#.to_owned()),
        ("HS256 and its kid", format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#)),
        ("its own alg", format!(r#"{{"alg":"{algorithm}","kid":"{kid}"}}"#)),
        ("HS256 and the kid of the secret", r#"{"alg":"HS256","kid":"secret"}"#.to_owned()),
    ];
    let row = |(says, header): (&str, String)| {
        let name = format!("a MAC with the {algorithm} key's {form}, header with {says}");
        let token = forge::hs256(secret, &header, honest());
        refused(name, "RFC 8725 2.1, CVE-2016-10555, CVE-2022-29217", &token)
    };
    headers.map(row).into()
}

#[test]
fn neither_alg_nor_kid_chooses_how_a_key_is_used() {
    let target = Target::validate(&set());
    let signers = PAIRS.map(|(alg, name, scheme)| (alg, kid(name), Some((name, scheme))));
    let signers = signers.into_iter().chain([("HS256", "secret".to_owned(), None)]);
    let signers: Vec<_> = signers.collect();
    let mut rows = Vec::new();
    for (signed_as, own, pair) in &signers {
        let token = |header: &str| match pair {
            Some((name, scheme)) => KeyPair::of_tests(name).token(*scheme, header, honest()),
            None => with_header(header),
        };
        rows.push(passes(
            format!("{signed_as} under its own name"),
            &token(&format!(r#"{{"alg":"{signed_as}","kid":"{own}"}}"#)),
        ));
        rows.push(passes(
            format!("{signed_as} without kid"),
            &token(&format!(r#"{{"alg":"{signed_as}"}}"#)),
        ));
        for (said, kid, _) in signers.iter().filter(|(said, ..)| said != signed_as) {
            for (what, header) in [
                ("alg", format!(r#"{{"alg":"{said}"}}"#)),
                ("alg, with its own kid", format!(r#"{{"alg":"{said}","kid":"{own}"}}"#)),
                ("alg and kid", format!(r#"{{"alg":"{said}","kid":"{kid}"}}"#)),
                ("kid", format!(r#"{{"alg":"{signed_as}","kid":"{kid}"}}"#)),
            ] {
                let name = format!("{signed_as} signature, {what} of {said}");
                rows.push(refused(name, "RFC 8725 3.1", &token(&header)));
            }
        }
    }
    let good = with_header(r#"{"alg":"HS256","kid":"secret"}"#);
    try_all(&target, "validate", &bearer(&good), &rows);
    target.end(&[SECRET]);
}
