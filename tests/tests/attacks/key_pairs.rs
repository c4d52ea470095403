//! Signatures that are none, and keys that are used as another one: one key, one algorithm, one name.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::keys::Keys;
use system_tests::forge::{self, KeyPair};

use crate::{
    table::Table,
    tokens::{HS256, NAMED, honest},
};

/// Each algorithm, and the file of its key; the symmetric one is [`NAMED`].
pub(crate) const SIGNERS: [(&str, &str); 4] =
    [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519"), ("HS256", "")];

pub(crate) fn add(table: &mut Table, address: SocketAddr) {
    signatures(table);
    public_keys_as_secrets(table);
    one_key_under_the_name_of_another(table);
    keys_in_headers(table, address);
}

fn header(algorithm: &str) -> String {
    json!({ "alg": algorithm }).to_string()
}

fn header_with_kid(algorithm: &str, kid: &str) -> String {
    json!({ "alg": algorithm, "kid": kid }).to_string()
}

fn kid(file: &str) -> String {
    if file.is_empty() {
        return NAMED.1.to_owned();
    }
    KeyPair::of_tests(file).public_jwk()["kid"].as_str().unwrap().to_owned()
}

/// A token that this key has signed, whatever its header says.
fn token((algorithm, file): (&str, &str), header: &str) -> String {
    if file.is_empty() {
        return forge::hs256(NAMED.0, header, honest());
    }
    KeyPair::of_tests(file).token(algorithm, header, honest())
}

/// The form of each kind of signature.
fn signatures(table: &mut Table) {
    for signer in SIGNERS {
        let good = token(signer, &header(signer.0));
        let (message, signature) = good.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        table.tokens("control", "passes", [(signer.0, good.clone())]);
        table.token_rows(signer.0, |row| forge::seal(message, bytes(row, &signature)));
    }
    let stranger = KeyPair::generate().token("ES256", &header("ES256"), honest());
    table.tokens("RFC 7515 5.2", "wrong signature", [("a key of no set", stranger)]);
    let second_name = token(SIGNERS[2], &header("Ed25519"));
    table.tokens("RFC 9864 2.2", "passes", [("the second name of EdDSA", second_name)]);
}

/// What a row says: the halves of a signature, and hexadecimal digits.
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

/// What everybody may know is taken for the secret of an HMAC.
fn public_keys_as_secrets(table: &mut Table) {
    for (algorithm, file) in &SIGNERS[..3] {
        let pem = forge::pem(&format!("{file}-public"));
        let kid = kid(file);
        let published = Keys::read(&pem.as_str().into()).unwrap().public_set();
        for secret in [
            pem.as_bytes(),
            pem.trim_end().as_bytes(),
            pem.replace('\n', "").as_bytes(),
            &forge::der(&pem),
            published.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").as_bytes(),
            published.as_bytes(),
            kid.as_bytes(),
        ] {
            for (header, reason) in [
                (HS256.to_owned(), "wrong signature"),
                (header_with_kid("HS256", &kid), "unknown key"),
                (header_with_kid(algorithm, &kid), "wrong signature"),
                (header_with_kid("HS256", NAMED.1), "wrong signature"),
            ] {
                let token = forge::hs256(secret, &header, honest());
                let source = "RFC 8725 2.1, CVE-2016-10555, CVE-2022-29217";
                table.tokens(source, reason, [((secret.len(), header), token)]);
            }
        }
    }
}

/// Neither `alg` nor `kid` chooses how a key is used.
fn one_key_under_the_name_of_another(table: &mut Table) {
    for own in SIGNERS {
        for other in SIGNERS.into_iter().filter(|other| *other != own) {
            let [own_kid, kid] = [own, other].map(|(_, file)| kid(file));
            for (header, reason) in [
                (header(other.0), "wrong signature"),
                (header_with_kid(other.0, &kid), "wrong signature"),
                (header_with_kid(other.0, &own_kid), "unknown key"),
                (header_with_kid(own.0, &kid), "unknown key"),
            ] {
                let name = format!("{header} of {}", own.0);
                table.tokens("RFC 8725 3.1", reason, [(name, token(own, &header))]);
            }
        }
    }
}

/// A token's own key is never used, nor an address in it.
fn keys_in_headers(table: &mut Table, address: SocketAddr) {
    const SOURCE: &str = "RFC 8725 3.10, CVE-2018-0114";
    let [own, trusted] = [KeyPair::generate(), KeyPair::of_tests("p256")];
    let merged = |extra: &Value| {
        let mut header = json!({ "alg": "ES256" });
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        header.to_string()
    };
    let jwk = own.public_jwk();
    // In standard Base64, as `x5c` has it (RFC 7515 section 4.1.6).
    let certificate: String =
        forge::pem("certificate").lines().filter(|line| !line.starts_with("-----")).collect();
    let url = format!("http://{address}/keys");
    for (extra, forged, right) in [
        (json!({ "jwk": jwk }), "wrong signature", "passes"),
        (json!({ "jwk": jwk, "kid": jwk["kid"] }), "unknown key", "unknown key"),
        (json!({ "jwk": jwk, "kid": kid("p256") }), "wrong signature", "passes"),
        (json!({ "jwks": { "keys": [jwk] } }), "wrong signature", "passes"),
        (json!({ "x5c": [certificate] }), "wrong signature", "passes"),
        (json!({ "jku": url }), "wrong signature", "passes"),
        (json!({ "x5u": url }), "wrong signature", "passes"),
        (json!({ "iss": url }), "wrong signature", "passes"),
        (json!({ "kid": url }), "unknown key", "unknown key"),
    ] {
        let header = merged(&extra);
        for (key, expected) in [(&own, forged), (&trusted, right)] {
            let token = key.token("ES256", &header, honest());
            table.tokens(SOURCE, expected, [(&header, token)]);
        }
    }
    let header = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": forge::encode("own") } });
    let token = forge::hs256("own", &header.to_string(), honest());
    table.tokens(SOURCE, "wrong signature", [("a symmetric key of its own", token)]);
}
