//! Fast digests of passwords by other systems.
//!
//! They are never compared, since they can be guessed too fast. `auth-admin upgrade` replaces a
//! digest by its Argon2id hash, which is compared instead.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA256, SHA512, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};

use super::MAX_STORED_BYTES;

pub(super) struct DigestKind {
    /// The part after `argon2id-` in the algorithm of a wrapped digest.
    pub(super) name: &'static str,
    output_bytes: usize,
    /// Of the password, followed by the salt if there is one.
    pub(super) compute: fn(&[u8]) -> Vec<u8>,
}

static KINDS: [DigestKind; 5] = [
    DigestKind { name: "md5", output_bytes: 16, compute: |input| Md5::digest(input).to_vec() },
    DigestKind { name: "sha1", output_bytes: 20, compute: |input| sha(&SHA1, input) },
    DigestKind { name: "sha256", output_bytes: 32, compute: |input| sha(&SHA256, input) },
    DigestKind { name: "sha512", output_bytes: 64, compute: |input| sha(&SHA512, input) },
    // `PASSWORD()` of MySQL 4.1 and later.
    DigestKind { name: "mysql41", output_bytes: 20, compute: |it| sha(&SHA1, &sha(&SHA1, it)) },
];

fn sha(algorithm: &'static Algorithm, input: &[u8]) -> Vec<u8> {
    digest(algorithm, input).as_ref().to_vec()
}

impl DigestKind {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}

/// A digest in the database.
pub struct StoredDigest {
    /// The part after `argon2id-` in the algorithm of its wrapped form.
    pub kind: &'static str,
    /// Often empty.
    pub(super) salt: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl StoredDigest {
    /// Parses hexadecimal MD5, SHA-1, SHA-256 and SHA-512, `*` and 40 digits of MySQL, and LDAP's
    /// `{MD5}`, `{SMD5}`, `{SHA}`, `{SSHA}` and the same with SHA-256 and SHA-512 (RFC 2307).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_STORED_BYTES {
            return None;
        }
        if let Some((scheme, value)) = text.strip_prefix('{').and_then(|it| it.split_once('}')) {
            return Self::of_ldap(&scheme.to_ascii_lowercase(), &STANDARD.decode(value).ok()?);
        }
        let (kind, digits) = match text.strip_prefix('*') {
            Some(digits) => (DigestKind::named("mysql41")?, digits),
            None => (KINDS.iter().find(|it| it.output_bytes * 2 == text.len())?, text),
        };
        let value = hex::decode(digits).ok().filter(|value| value.len() == kind.output_bytes)?;
        Some(Self { kind: kind.name, salt: Vec::new(), value })
    }

    fn of_ldap(scheme: &str, value: &[u8]) -> Option<Self> {
        let (name, salted) = match scheme {
            "sha" => ("sha1", false),
            "ssha" => ("sha1", true),
            "md5" | "sha256" | "sha512" => (scheme, false),
            "smd5" | "ssha256" | "ssha512" => (&scheme[1..], true),
            _ => return None,
        };
        let kind = DigestKind::named(name)?;
        let (value, salt) = value.split_at_checked(kind.output_bytes)?;
        // It becomes Argon2's associated data. LDAP's salts have 4 to 16 bytes.
        let usable = salt.is_empty() != salted && salt.len() <= argon2::Params::MAX_DATA_LEN;
        usable.then(|| Self { kind: kind.name, salt: salt.to_vec(), value: value.to_vec() })
    }
}
