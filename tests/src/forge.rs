//! Tokens that an attacker makes: any bytes as header and payload, under any signature.
//!
//! Nothing here checks what it is given, and nothing of the code under test signs.

#[path = "../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
        RsaKeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use shared::keys::Keys;

/// Base64url without padding, as the parts of a token are.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is signed: header and payload, encoded.
#[must_use]
pub fn message(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

/// The message under these bytes as its signature.
#[must_use]
pub fn seal(message: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{message}.{}", encode(signature))
}

/// A MAC with SHA-256 and any secret, an empty one too.
#[must_use]
pub fn mac(secret: &[u8], message: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

/// A token under a MAC with SHA-256, whatever its header says.
#[must_use]
pub fn hs256(secret: impl AsRef<[u8]>, header: &str, payload: impl AsRef<[u8]>) -> String {
    let message = message(header, payload);
    seal(&message, mac(secret.as_ref(), &message))
}

/// How a private key signs.
#[derive(Debug, Clone, Copy)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256: RS256.
    Pkcs1Sha256,
    /// The same with SHA-384: RS384.
    Pkcs1Sha384,
    /// The same with SHA-512: RS512.
    Pkcs1Sha512,
    /// RSASSA-PSS with SHA-256: PS256.
    PssSha256,
    /// ECDSA on P-256, two numbers of 32 bytes: ES256.
    P256Fixed,
    /// The same in ASN.1, which JWS does not use.
    P256Der,
    /// ECDSA on P-384, two numbers of 48 bytes: ES384.
    P384Fixed,
    /// Ed25519: `EdDSA`.
    Ed25519,
}

/// A private key, one of the workspace's tests or an attacker's own.
#[derive(Debug, Clone)]
pub struct KeyPair {
    pkcs8: Vec<u8>,
}

impl KeyPair {
    /// The key of the tests in the file of this name, such as `p256`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn of_tests(name: &str) -> Self {
        Self { pkcs8: der(&pem(name)) }
    }

    /// A new key for RS256, ES256 or `EdDSA`: one that nobody trusts.
    ///
    /// # Panics
    ///
    /// If the algorithm is another.
    #[must_use]
    pub fn new(algorithm: &str) -> Self {
        let pkcs8 = match algorithm {
            "RS256" => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
                let der: Pkcs8V1Der<'_> = pair.as_der().expect("a key");
                der.as_ref().to_vec()
            }
            "ES256" => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                pair.and_then(|pair| pair.to_pkcs8v1()).expect("a key").as_ref().to_vec()
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::generate();
                pair.and_then(|pair| pair.to_pkcs8v1()).expect("a key").as_ref().to_vec()
            }
            other => panic!("no keys for {other}"),
        };
        Self { pkcs8 }
    }

    /// As PEM, for `JWT_SECRET`.
    #[must_use]
    pub fn pem(&self) -> String {
        let body = STANDARD.encode(&self.pkcs8);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    /// What everybody may know of it, with its `kid`.
    ///
    /// # Panics
    ///
    /// If it is a key that is refused here.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let keys = Keys::read(&self.pem().into()).expect("a key");
        let jwk = keys.iter().next().expect("one key").public_jwk();
        serde_json::to_value(jwk.expect("a public half")).expect("JSON")
    }

    /// The signature of `message`.
    ///
    /// # Panics
    ///
    /// If the key is of another kind.
    #[must_use]
    pub fn sign(&self, scheme: Scheme, message: &str) -> Vec<u8> {
        match scheme {
            Scheme::Pkcs1Sha256 => self.rsa(&RSA_PKCS1_SHA256, message),
            Scheme::Pkcs1Sha384 => self.rsa(&RSA_PKCS1_SHA384, message),
            Scheme::Pkcs1Sha512 => self.rsa(&RSA_PKCS1_SHA512, message),
            Scheme::PssSha256 => self.rsa(&RSA_PSS_SHA256, message),
            Scheme::P256Fixed => self.ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, message),
            Scheme::P256Der => self.ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, message),
            Scheme::P384Fixed => self.ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, message),
            Scheme::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8);
                pair.expect("an Ed25519 key").sign(message.as_bytes()).as_ref().to_vec()
            }
        }
    }

    /// A token that this key has signed, whatever its header says.
    #[must_use]
    pub fn token(&self, scheme: Scheme, header: &str, payload: impl AsRef<[u8]>) -> String {
        let message = message(header, payload);
        let signature = self.sign(scheme, &message);
        seal(&message, signature)
    }

    fn rsa(&self, padding: &'static dyn RsaEncoding, message: &str) -> Vec<u8> {
        let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).expect("an RSA key");
        let mut signature = vec![0; pair.public_modulus_len()];
        let signed = pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature);
        signed.expect("a signature");
        signature
    }

    fn ecdsa(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &str) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8).expect("a key on that curve");
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
        signature.expect("a signature").as_ref().to_vec()
    }
}

/// A PEM text of the workspace's tests, such as `p256-public`.
#[must_use]
pub fn pem(name: &str) -> String {
    pem_of::pem_of(name).into()
}

/// What a PEM text holds.
///
/// # Panics
///
/// If it is not PEM.
#[must_use]
pub fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).expect("PEM")
}
