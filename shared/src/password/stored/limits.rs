//! The computations that stored hashes describe, within the costs that a login bears.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::pbkdf2;

use super::{BcryptInput, Function, StoredHash};
use crate::{config::Argon2Config, password::digest::DigestKind};

// Above these, and above the bounds of the configuration, a stored hash is unusable: it
// would be an attack on the service, or a mistake. What known systems write lies below.
const MAX_BCRYPT_COST: u32 = 14;
/// For all blocks of the output together. Django 6.0 writes 1,200,000.
const MAX_PBKDF2_ITERATIONS: usize = 2_000_000;
/// N × r × p: N = 2^17 with r = 8, the strongest choice that OWASP lists, or the same work
/// in other parts.
const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// What that choice takes.
const MAX_SCRYPT_KIB: usize = 128 * 1024 + 2;
/// passlib writes 656,000.
const MAX_CRYPT_ROUNDS: u32 = 1_000_000;
/// Of 2, passlib writes 19, WordPress 13.
pub(super) const MAX_PHPASS_LOG_ROUNDS: u8 = 20;
/// A shorter result could be hit by chance; no system writes a longer one.
const OUTPUT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// `function`, as `kind`.
pub(super) fn of(kind: &'static str, function: Function) -> StoredHash {
    StoredHash { kind, function }
}

/// `None` beyond the limits.
pub(super) fn argon2(
    kind: &'static str,
    algorithm: Algorithm,
    hash: PasswordHash,
    digest: Option<DigestKind>,
) -> Option<StoredHash> {
    let params = Params::try_from(&hash).ok()?;
    let config = Argon2Config {
        memory_kib: params.m_cost(),
        iterations: params.t_cost(),
        parallelism: params.p_cost(),
    };
    let usable = config.is_bearable()
        && params.keyid().is_empty()
        && OUTPUT_BYTES.contains(&hash.hash.as_ref()?.len());
    // A PHC string without a version is of Argon2 1.0.
    let version = Version::try_from(hash.version.unwrap_or(0x10)).ok()?;
    let argon2 = Box::new(Argon2::new(algorithm, version, params));
    usable.then(|| of(kind, Function::Argon2 { hash: Box::new(hash), argon2, digest }))
}

/// `None` beyond the limits.
pub(super) fn pbkdf2(
    kind: &'static str,
    prf: pbkdf2::Algorithm,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Option<StoredHash> {
    let block = if prf == pbkdf2::PBKDF2_HMAC_SHA1 {
        20
    } else if prf == pbkdf2::PBKDF2_HMAC_SHA256 {
        32
    } else {
        64
    };
    let work = (iterations as usize).checked_mul(output.len().div_ceil(block))?;
    let usable = work <= MAX_PBKDF2_ITERATIONS && OUTPUT_BYTES.contains(&output.len());
    let iterations = NonZeroU32::new(iterations)?;
    usable.then(|| of(kind, Function::Pbkdf2 { prf, iterations, salt, output }))
}

/// The memory of scrypt with N as a logarithm, in KiB; of parameters within its work.
pub(super) fn scrypt_kib(log_n: u32, r: u32, p: u32) -> usize {
    (128 * r as usize * ((1 << log_n) + p as usize + 1)).div_ceil(1024)
}

/// `None` beyond the limits.
pub(super) fn scrypt(
    kind: &'static str,
    log_n: u32,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Option<StoredHash> {
    let n = 1_u64.checked_shl(log_n)?;
    let work = n.checked_mul(u64::from(r))?.checked_mul(u64::from(p))?;
    let usable = (1..=20).contains(&log_n)
        && work <= MAX_SCRYPT_WORK
        && scrypt_kib(log_n, r, p) <= MAX_SCRYPT_KIB
        && OUTPUT_BYTES.contains(&output.len());
    if !usable {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
    Some(of(kind, Function::Scrypt { params, salt, output }))
}

/// `$2b$12$` and 53 characters of bcrypt's own Base64.
pub(super) fn bcrypt(kind: &'static str, text: &str, input: BcryptInput) -> Option<StoredHash> {
    let prefix = text.get(..4)?;
    let (cost, rest) = (text.get(4..6)?, text.get(6..)?);
    let usable = ["$2a$", "$2b$", "$2y$"].contains(&prefix)
        && cost.bytes().all(|byte| byte.is_ascii_digit())
        && cost.parse().is_ok_and(|cost| (4..=MAX_BCRYPT_COST).contains(&cost))
        && rest.len() == 54
        && rest.strip_prefix('$').is_some_and(is_crypt_base64);
    usable.then(|| of(kind, Function::Bcrypt { hash: text.to_owned(), input }))
}

/// crypt(3): `$6$rounds=656000$salt$hash`, or without rounds for 5,000 of them.
pub(super) fn sha_crypt(
    kind: &'static str,
    text: &str,
    fields: &str,
    output_characters: usize,
) -> Option<StoredHash> {
    let (rounds, fields) = match fields.strip_prefix("rounds=") {
        Some(fields) => {
            let (rounds, fields) = fields.split_once('$')?;
            (rounds.parse().ok()?, fields)
        }
        None => (5_000, fields),
    };
    let (salt, output) = fields.split_once('$')?;
    let usable = (1_000..=MAX_CRYPT_ROUNDS).contains(&rounds)
        && [salt, output].into_iter().all(is_crypt_base64)
        && output.len() == output_characters;
    usable.then(|| of(kind, Function::ShaCrypt(text.to_owned())))
}

fn is_crypt_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
}
