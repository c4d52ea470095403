//! Forged tokens: any bytes as header and payload, with any signature.

#[path = "../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::Value;
use shared::keys::Keys;

/// Encodes in Base64url without padding, like the parts of a token.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The signing input: header and payload, encoded.
pub fn message(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

/// An HMAC with SHA-256, encoded. The secret may be empty.
pub fn mac(secret: impl AsRef<[u8]>, message: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_ref());
    sign(message.as_bytes(), &key, Algorithm::HS256).expect("a MAC")
}

/// A token with an HMAC with SHA-256, whatever algorithm its header names.
pub fn hs256(secret: impl AsRef<[u8]>, header: &str, payload: impl AsRef<[u8]>) -> String {
    let message = message(header, payload);
    format!("{message}.{}", mac(secret, &message))
}

/// A token signed by a private key in PEM, whatever algorithm its header names.
pub fn token(pem: &str, header: &str, payload: impl AsRef<[u8]>) -> String {
    let (keys, message) = (Keys::read(&pem.into()).expect("a key"), message(header, payload));
    let signature = keys.signing().expect("a private key").sign(message.as_bytes());
    format!("{message}.{}", signature.expect("a signature"))
}

/// A test key or certificate in PEM, such as `p256-public`.
pub fn pem(name: &str) -> String {
    pem_of::pem_of(name).into()
}

/// A new private ES256 key in PEM, which is in no key set.
pub fn generate() -> String {
    rcgen::KeyPair::generate().expect("a key").serialize_pem()
}

/// The public half of a private key in PEM, with its `kid`.
pub fn public_jwk(pem: &str) -> Value {
    let keys = Keys::read(&pem.into()).expect("a key");
    let jwk = keys.iter().next().expect("one key").public.as_ref();
    serde_json::to_value(jwk.expect("a public half")).expect("JSON")
}
