//! Invalid signatures, and keys used with another algorithm or `kid` than their own.

use std::net::SocketAddr;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use shared::keys::Keys;
use system_tests::{SECRET, forge};

use crate::{
    Table, filled,
    tokens::{HS256, NAMED, honest},
};

/// Each algorithm and the file of its key; for HS256 the key is [`NAMED`].
pub(crate) const SIGNERS: [(&str, &str); 4] =
    [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519"), ("HS256", NAMED.0)];

pub(crate) fn add(table: &mut Table, address: SocketAddr) {
    signatures(table);
    public_keys_as_secrets(table);
    keys_under_the_name_of_another(table);
    keys_and_headers(table, address);
}

fn header(algorithm: &str) -> String {
    json!({ "alg": algorithm }).to_string()
}

fn header_with_kid(algorithm: &str, kid: &str) -> String {
    json!({ "alg": algorithm, "kid": kid }).to_string()
}

fn kid(key: &str) -> String {
    if key == NAMED.0 {
        return NAMED.1.into();
    }
    forge::public_jwk(&forge::pem(key))["kid"].as_str().unwrap().into()
}

/// A token with good claims, signed by a key file or a secret, with any header.
fn token(key: &str, header: &str) -> String {
    if SIGNERS[..3].iter().any(|(_, file)| *file == key) {
        return forge::token(&forge::pem(key), header, honest());
    }
    forge::hs256(key, header, honest())
}

/// The Base64 text between the markers of a PEM text.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

/// Malformed signatures of each algorithm.
fn signatures(table: &mut Table) {
    for (algorithm, key) in SIGNERS {
        let good = token(key, &header(algorithm));
        let (message, signature) = good.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        table.token("control", "passes", algorithm, &good);
        table.token_rows(algorithm, |row| {
            format!("{message}.{}", forge::encode(bytes(row, &signature)))
        });
    }
}

/// The bytes that a row describes: halves of a signature, `r` and `s`, and hexadecimal digits.
fn bytes(row: &str, signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let word = |word: &str| match word {
        "r" => r.to_vec(),
        "s" => s.to_vec(),
        digits => {
            let (digits, times) = digits.split_once('*').unwrap_or((digits, "1"));
            let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            bytes.repeat(times.parse().unwrap())
        }
    };
    row.split_whitespace().flat_map(word).collect()
}

/// Tokens with an HMAC whose secret is a public key.
fn public_keys_as_secrets(table: &mut Table) {
    for (algorithm, file) in &SIGNERS[..3] {
        let (pem, kid) = (forge::pem(&format!("{file}-public")), kid(file));
        let set = Keys::read(&pem.as_str().into()).unwrap().public_set();
        let jwk = forge::public_jwk(&forge::pem(file)).to_string();
        let (body, one_line) = (STANDARD.decode(body(&pem)).unwrap(), pem.replace('\n', ""));
        let texts = [&pem, pem.trim_end(), &one_line, &set, &jwk, &kid].map(str::as_bytes);
        for secret in texts.into_iter().chain([&*body]) {
            for (header, reason) in [
                (HS256.to_owned(), "wrong signature"),
                (header_with_kid("HS256", &kid), "unknown key"),
                (header_with_kid(algorithm, &kid), "wrong signature"),
                (header_with_kid("HS256", NAMED.1), "wrong signature"),
            ] {
                let source = "RFC 8725 2.1, CVE-2016-10555, CVE-2022-29217";
                let token = forge::hs256(secret, &header, honest());
                table.token(source, reason, &header, &token);
            }
        }
    }
}

/// Tokens whose `alg` or `kid` is that of another key.
fn keys_under_the_name_of_another(table: &mut Table) {
    for own in SIGNERS {
        for other in SIGNERS.into_iter().filter(|other| *other != own) {
            let [own_kid, kid] = [own, other].map(|(_, key)| kid(key));
            for (header, reason) in [
                (header(other.0), "wrong signature"),
                (header_with_kid(other.0, &kid), "wrong signature"),
                (header_with_kid(other.0, &own_kid), "unknown key"),
                (header_with_kid(own.0, &kid), "unknown key"),
            ] {
                let name = format!("{} under {header}", own.0);
                table.token("RFC 8725 3.1", reason, &name, &token(own.1, &header));
            }
        }
    }
}

/// Tokens signed with a guessed key, a key in the token, or a key at a URL in it.
fn keys_and_headers(table: &mut Table, address: SocketAddr) {
    let new = forge::generate();
    let jwk = forge::public_jwk(&new);
    let places = [
        ("{named}", NAMED.0),
        ("{secret}", SECRET),
        ("{secret in Base64}", &forge::encode(SECRET)),
        ("{p256}", &kid("p256")),
        ("{new}", jwk["kid"].as_str().unwrap()),
        ("{jwk}", &jwk.to_string()),
        // In standard Base64, as RFC 7515 section 4.1.6 has it.
        ("{certificate}", &body(&forge::pem("certificate"))),
        ("{url}", &format!("http://{address}/keys")),
    ];
    table.token_rows("key and header", |row| {
        let row = filled(row, &places);
        let (key, header) = row.split_once(" | ").unwrap();
        if key == "new" { forge::token(&new, header, honest()) } else { token(key, header) }
    });
}
