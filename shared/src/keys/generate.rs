//! New keys.

use aws_lc_rs::{
    rand, rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Algorithm, Key, private_jwk, private_key::PrivateKey};

/// As many as `openssl rand -base64 48` gives: more than HS256 needs (RFC 7518 section 3.2).
const HS256_KEY_BYTES: usize = 48;

/// No key came about; the cause is in the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no key could be made")]
pub struct GenerationFailed;

/// A new key as a JWK with `alg`, `use` and all that signing needs (RFC 7517 section 4),
/// for a [`JwkSet`](super::JwkSet).
///
/// Its `kid` is `id`. If that is `None`, it is the thumbprint of RFC 7638, and an HS256 key
/// has none.
///
/// # Errors
///
/// [`GenerationFailed`] if the cryptographic library refuses.
pub fn generate(algorithm: Algorithm, id: Option<&str>) -> Result<SecretString, GenerationFailed> {
    let jwk = match pair(algorithm)? {
        Some(pair) => Key::from_private_key(&pair, id.map(str::to_owned))
            .and_then(|key| private_jwk::of_key(&key)),
        None => private_jwk::of_secret(random_bytes()?.as_slice(), id),
    };
    jwk.map_err(|_| GenerationFailed)
}

/// A key pair; none for HS256.
fn pair(algorithm: Algorithm) -> Result<Option<PrivateKey>, GenerationFailed> {
    let pair = match algorithm {
        Algorithm::Hs256 => return Ok(None),
        // The least that RS256 takes (RFC 7518 section 3.3).
        Algorithm::Rs256 => RsaKeyPair::generate(rsa::KeySize::Rsa2048).map(PrivateKey::Rsa),
        Algorithm::Es256 => {
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(PrivateKey::P256)
        }
        Algorithm::EdDsa => Ed25519KeyPair::generate().map(PrivateKey::Ed25519),
    };
    pair.map(Some).map_err(|_| GenerationFailed)
}

fn random_bytes() -> Result<Zeroizing<[u8; HS256_KEY_BYTES]>, GenerationFailed> {
    let mut bytes = Zeroizing::new([0; HS256_KEY_BYTES]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| GenerationFailed)?;
    Ok(bytes)
}
