//! Tokens that an attacker makes: any bytes as header and payload, under any signature.
//!
//! Nothing here checks what it is given, and nothing of the code under test signs.

#[path = "../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use shared::keys::Keys;

/// Base64url without padding, as the parts of a token are.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is signed: header and payload, encoded.
pub fn message(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

/// The message under these bytes as its signature.
pub fn seal(message: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{message}.{}", encode(signature))
}

/// A MAC with SHA-256 and any secret, an empty one too.
pub fn mac(secret: &[u8], message: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

/// A token under a MAC with SHA-256, whatever its header says.
pub fn hs256(secret: impl AsRef<[u8]>, header: &str, payload: impl AsRef<[u8]>) -> String {
    let message = message(header, payload);
    seal(&message, mac(secret.as_ref(), &message))
}

/// A private key, one of the workspace's tests or an attacker's own.
#[derive(Debug, Clone)]
pub struct KeyPair {
    pkcs8: Vec<u8>,
}

impl KeyPair {
    /// The key of the tests in the file of this name, such as `p256`.
    pub fn of_tests(name: &str) -> Self {
        Self { pkcs8: der(&pem(name)) }
    }

    /// A new key for ES256, which is in no set.
    pub fn generate() -> Self {
        Self { pkcs8: rcgen::KeyPair::generate().expect("a key").serialize_der() }
    }

    /// As PEM, for `JWT_SECRET`.
    pub fn pem(&self) -> String {
        let body = STANDARD.encode(&self.pkcs8);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    /// What everybody may know of it, with its `kid`.
    pub fn public_jwk(&self) -> Value {
        let keys = Keys::read(&self.pem().into()).expect("a key");
        let jwk = keys.iter().next().expect("one key").public_jwk();
        serde_json::to_value(jwk.expect("a public half")).expect("JSON")
    }

    /// A token that this key has signed by an algorithm of JOSE, whatever its header says.
    pub fn token(&self, algorithm: &str, header: &str, payload: impl AsRef<[u8]>) -> String {
        let message = message(header, payload);
        let (text, random) = (message.as_bytes(), SystemRandom::new());
        let signature = match algorithm {
            "RS256" => {
                let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).expect("an RSA key");
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
                signed.expect("a signature");
                signature
            }
            "ES256" => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8);
                let signed = pair.expect("a key on that curve").sign(&random, text);
                signed.expect("a signature").as_ref().to_vec()
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8);
                pair.expect("an Ed25519 key").sign(text).as_ref().to_vec()
            }
            other => panic!("no signatures of {other}"),
        };
        seal(&message, signature)
    }
}

/// A PEM text of the workspace's tests, such as `p256-public`.
pub fn pem(name: &str) -> String {
    pem_of::pem_of(name).into()
}

/// What a PEM text holds.
pub fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).expect("PEM")
}
