//! Hashes in the database: our own, and those of other systems.
//!
//! A new format needs a line in `tests/data/stored-hashes.json`, made by that system's own library,
//! and one in the table of docs/moving-over.md.

mod functions;

use argon2::{Algorithm, Block, Params, password_hash::phc::PasswordHash};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

use super::{MAX_STORED_BYTES, digest::DigestKind};
use functions::{argon2, bcrypt, pbkdf2, phpass, scrypt, sha_crypt};

/// A hash that can be verified within the cost limits.
pub struct StoredHash {
    /// The system and function, such as `django pbkdf2_sha256`.
    pub kind: String,
    /// Of an Argon2id hash of the password itself, in the current version and with a salt no shorter
    /// than that of a new hash; `None` for any other hash. If these are not the parameters of new
    /// hashes, a login replaces it.
    pub(super) argon2id: Option<Params>,
    /// The memory of Argon2 in KiB, for which it can use the slot's.
    argon2_kib: usize,
    /// The memory that another function allocates, in KiB.
    other_kib: usize,
    pub(super) compare: Box<Compare>,
}

/// Verifies a password in constant time. Argon2 uses the slot's memory if it is large enough, and
/// never enlarges it.
type Compare = dyn Fn(&[u8], &mut Vec<Block>) -> bool + Send;

impl StoredHash {
    /// Parses a hash; `None` if it is of an unknown kind, damaged, or beyond the cost limits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_STORED_BYTES {
            return None;
        }
        let fields: Vec<&str> = text.split('$').collect();
        let after = |prefix: &str| text.strip_prefix(prefix);
        match fields[..] {
            ["", "2a" | "2b" | "2y", ..] => bcrypt("bcrypt", text, <[u8]>::to_vec),
            ["", "wp", ..] => bcrypt("wordpress bcrypt", after("$wp")?, |password| {
                let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
                STANDARD.encode(hmac::sign(&key, password)).into_bytes()
            }),
            ["", "5" | "6", salt, output] => sha_crypt(text, 5_000, salt, output),
            ["", "5" | "6", rounds, salt, output] => {
                sha_crypt(text, rounds.strip_prefix("rounds=")?.parse().ok()?, salt, output)
            }
            ["", "P" | "H", hash] => phpass(hash),
            ["", name @ ("pbkdf2-sha256" | "pbkdf2-sha512"), rounds, salt, output]
                if !rounds.contains('=') =>
            {
                let kind = format!("passlib {}", name.replace('-', "_"));
                let decode = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).ok();
                pbkdf2(&kind, name, rounds.parse().ok()?, decode(salt)?, decode(output)?)
            }
            ["", ..] => phc(text),
            ["argon2", ..] => Some(Self { kind: "django argon2".into(), ..phc(after("argon2")?)? }),
            ["bcrypt", ..] => bcrypt("django bcrypt", after("bcrypt$")?, <[u8]>::to_vec),
            ["bcrypt_sha256", ..] => {
                bcrypt("django bcrypt_sha256", after("bcrypt_sha256$")?, |password| {
                    hex::encode(digest(&SHA256, password)).into_bytes()
                })
            }
            [name @ ("pbkdf2_sha256" | "pbkdf2_sha1"), iterations, salt, output] => {
                let (kind, output) = (format!("django {name}"), STANDARD.decode(output).ok()?);
                pbkdf2(&kind, name, iterations.parse().ok()?, salt.into(), output)
            }
            ["scrypt", n, salt, r, p, output] => {
                let output = STANDARD.decode(output).ok()?;
                scrypt("django scrypt", scrypt_costs(n, r, p)?, salt.into(), output)
            }
            [method, salt, output] => werkzeug(method, salt, output),
            [text] => aspnet_identity(text),
            _ => None,
        }
    }

    /// The memory that is needed in addition to a slot of `slot_kib`, in KiB.
    pub(super) fn extra_kib(&self, slot_kib: usize) -> usize {
        if self.argon2_kib > slot_kib { self.argon2_kib } else { self.other_kib }
    }
}

/// PHC strings: Argon2id and Argon2i (RFC 9106), a digest in Argon2id, PBKDF2 (RFC 8018)
/// with SHA-256 or SHA-512, scrypt (RFC 7914).
fn phc(text: &str) -> Option<StoredHash> {
    let hash = PasswordHash::new(text).ok()?;
    let (salt, output) = (hash.salt?.to_vec(), hash.hash?.as_bytes().to_vec());
    match hash.algorithm.as_str() {
        "argon2id" => argon2("argon2id", Algorithm::Argon2id, &hash, None),
        "argon2i" => argon2("argon2i", Algorithm::Argon2i, &hash, None),
        name @ ("pbkdf2-sha256" | "pbkdf2-sha512") => {
            let with_length = || {
                let [iterations, length] = decimals(&hash, ["i", "l"])?;
                (length as usize == output.len()).then_some([iterations])
            };
            let [iterations] = decimals(&hash, ["i"]).or_else(with_length)?;
            pbkdf2("pbkdf2", name, iterations, salt, output)
        }
        "scrypt" => scrypt("scrypt", decimals(&hash, ["ln", "r", "p"])?, salt, output),
        name => {
            let digest = DigestKind::named(name.strip_prefix("argon2id-")?)?;
            let kind = format!("argon2id of {}", digest.name);
            argon2(&kind, Algorithm::Argon2id, &hash, Some(digest))
        }
    }
}

/// The values of these parameters; `None` if there are others.
fn decimals<const N: usize>(hash: &PasswordHash, names: [&str; N]) -> Option<[u32; N]> {
    let values = names.iter().map_while(|name| hash.params.get_decimal(*name)).collect::<Vec<_>>();
    let no_others = hash.params.iter().count() == N && hash.version.is_none();
    values.try_into().ok().filter(|_| no_others)
}

/// `scrypt:32768:8:1$salt$hex`, `pbkdf2:sha256:1000000$salt$hex`
fn werkzeug(method: &str, salt: &str, output: &str) -> Option<StoredHash> {
    let (salt, output) = (salt.into(), hex::decode(output).ok()?);
    match method.split(':').collect::<Vec<_>>()[..] {
        ["scrypt", n, r, p] => scrypt("werkzeug scrypt", scrypt_costs(n, r, p)?, salt, output),
        ["pbkdf2", hash, iterations] => {
            pbkdf2("werkzeug pbkdf2", hash, iterations.parse().ok()?, salt, output)
        }
        _ => None,
    }
}

/// The costs of Werkzeug and Django, with the logarithm of N.
fn scrypt_costs(n: &str, r: &str, p: &str) -> Option<[u32; 3]> {
    let n = n.parse::<u64>().ok().filter(|n| n.is_power_of_two())?;
    Some([n.trailing_zeros(), r.parse().ok()?, p.parse().ok()?])
}

/// ASP.NET Core Identity, version 3, in Base64: a byte 1; the PRF, the iterations and the length of
/// the salt, each in four bytes, big-endian; the salt; the hash.
fn aspnet_identity(text: &str) -> Option<StoredHash> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.strip_prefix(&[1])?.split_first_chunk::<12>()?;
    let numbers = numbers.as_chunks::<4>().0.first_chunk::<3>()?;
    let [prf, iterations, salt_bytes] = numbers.map(u32::from_be_bytes);
    let prf = ["sha1", "sha256", "sha512"].get(prf as usize)?;
    let (salt, output) = rest.split_at_checked(salt_bytes as usize)?;
    pbkdf2("aspnet identity v3", prf, iterations, salt.to_vec(), output.to_vec())
}
