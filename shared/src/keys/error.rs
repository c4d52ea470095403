//! What can be wrong with key material, in words for an operator. None of them quotes it.

use thiserror::Error;

/// Key material cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// HS256 wants a key as long as its hash (RFC 7518 section 3.2).
    #[error("is shorter than 32 bytes, which HS256 needs; make one with: openssl rand -base64 48")]
    TooShort,
    /// What others know or guess is no secret.
    #[error(
        "is {0}: no secret for HS256, since others know or guess it; make one with: openssl rand \
         -base64 48"
    )]
    PublicText(&'static str),
    /// Neither a text nor anything else that is understood.
    #[error(
        "looks like JSON, but is no JWK Set: an object whose `keys` is a list of keys (RFC 7517 \
         section 5)"
    )]
    NotAJwkSet,
    /// There are no keys in the set.
    #[error("is a JWK Set without keys")]
    Empty,
    /// PEM of another kind, or damaged PEM.
    #[error(
        "is PEM, but holds no key that can be read: an unencrypted `PRIVATE KEY` (or `RSA` or \
         `EC PRIVATE KEY`), or for validate a `PUBLIC KEY`, with its line breaks"
    )]
    NoPemKey,
    /// Which of them should sign?
    #[error("holds several PEM keys; keep one, or make a JWK Set of them")]
    SeveralPemKeys,
    /// A key that does not parse, or whose parts do not fit together.
    #[error("holds a key that cannot be read, or whose parts do not fit together")]
    Malformed,
    /// RFC 7518 section 3.3.
    #[error("holds an RSA key of fewer than 2048 bits, which RS256 needs")]
    SmallRsaKey,
    /// RFC 7518 section 3.4, RFC 8037 section 3.1.
    #[error("holds a key on another curve than P-256 (for ES256) or Ed25519 (for EdDSA)")]
    WrongCurve,
    /// RFC 7517 section 4.1.
    #[error("has another `kty` than oct, RSA, EC and OKP")]
    UnknownKeyType,
    /// RFC 7517 section 4.2 and 4.3.
    #[error("is not for signatures: its `use` or `key_ops` says otherwise")]
    NotForSignatures,
    /// RFC 7517 section 4.4.
    #[error("has an `alg` other than {0}, which is the one of its kind")]
    WrongAlgorithm(&'static str),
    /// A token could not say which one it means.
    #[error("has the same `kid` as another key")]
    DoubledKeyId,
    /// The problem is that of one key in a set; counted from 1.
    #[error("key {0} of the JWK Set {1}")]
    InSet(usize, Box<KeyError>),
    /// The cryptographic library refuses.
    #[error("no key could be made")]
    NotMade,
    /// `login` signs.
    #[error(
        "holds no key that can sign: login needs a private key, or a symmetric one, and not \
         only public keys"
    )]
    CannotSign,
}

impl KeyError {
    pub(super) fn in_set(self, index: usize) -> Self {
        Self::InSet(index + 1, Box::new(self))
    }
}

/// The error of a library, which might quote the key.
pub(super) fn malformed<E>(_: E) -> KeyError {
    KeyError::Malformed
}
