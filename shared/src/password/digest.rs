//! Fast digests that other systems stored as passwords.
//!
//! They are never compared as they are: each costs an attacker nothing. `auth-admin upgrade`
//! hashes a digest once more with Argon2id, and that hash is compared instead.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};

use super::MAX_STORED_BYTES;

/// How a digest is made of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestKind {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1 twice: `PASSWORD()` of MySQL 4.1 and later.
    MySql41,
}

impl DigestKind {
    const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512, Self::MySql41];

    /// The name behind `argon2id-` in a wrapped digest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::MySql41 => "mysql41",
        }
    }

    /// The kind with this [`name`](Self::name).
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The digest of `password` with `salt` behind it.
    pub(super) fn compute(self, password: &[u8], salt: &[u8]) -> Vec<u8> {
        let salted = [password, salt].concat();
        let of = |algorithm, input: &[u8]| digest::digest(algorithm, input).as_ref().to_vec();
        match self {
            Self::Md5 => Md5::digest(salted).to_vec(),
            Self::Sha1 => of(&SHA1_FOR_LEGACY_USE_ONLY, &salted),
            Self::Sha256 => of(&SHA256, &salted),
            Self::Sha512 => of(&SHA512, &salted),
            Self::MySql41 => of(&SHA1_FOR_LEGACY_USE_ONLY, &of(&SHA1_FOR_LEGACY_USE_ONLY, &salted)),
        }
    }

    fn output_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 | Self::MySql41 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A digest as a row holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredDigest {
    pub(super) kind: DigestKind,
    /// What stood behind the password; often nothing.
    pub(super) salt: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl StoredDigest {
    /// Reads hexadecimal MD5, SHA-1, SHA-256 and SHA-512, `*` and 40 digits of MySQL, and
    /// `{SHA}`, `{SSHA}`, `{MD5}`, `{SMD5}` and their longer siblings of LDAP (RFC 2307).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_STORED_BYTES {
            return None;
        }
        if let Some((scheme, value)) = text.strip_prefix('{').and_then(|it| it.split_once('}')) {
            return Self::of_ldap(&scheme.to_ascii_uppercase(), &STANDARD.decode(value).ok()?);
        }
        let (kind, hex) = match text.strip_prefix('*') {
            Some(hex) => (DigestKind::MySql41, hex),
            None => {
                (DigestKind::ALL.into_iter().find(|it| it.output_bytes() * 2 == text.len())?, text)
            }
        };
        let value = from_hex(hex).filter(|value| value.len() == kind.output_bytes())?;
        Some(Self { kind, salt: Vec::new(), value })
    }

    fn of_ldap(scheme: &str, value: &[u8]) -> Option<Self> {
        let (kind, salted) = match scheme {
            "MD5" => (DigestKind::Md5, false),
            "SMD5" => (DigestKind::Md5, true),
            "SHA" => (DigestKind::Sha1, false),
            "SSHA" => (DigestKind::Sha1, true),
            "SHA256" => (DigestKind::Sha256, false),
            "SSHA256" => (DigestKind::Sha256, true),
            "SHA512" => (DigestKind::Sha512, false),
            "SSHA512" => (DigestKind::Sha512, true),
            _ => return None,
        };
        let (value, salt) = value.split_at_checked(kind.output_bytes())?;
        // Argon2 takes as much associated data, and a salt of LDAP has 4 to 16 bytes.
        let usable = salt.is_empty() != salted && salt.len() <= argon2::Params::MAX_DATA_LEN;
        usable.then(|| Self { kind, salt: salt.to_vec(), value: value.to_vec() })
    }

    /// How it was made.
    #[must_use]
    pub fn kind(&self) -> DigestKind {
        self.kind
    }
}

/// The bytes of hexadecimal digits in either case.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}
