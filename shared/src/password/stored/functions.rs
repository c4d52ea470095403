//! The hash functions of other systems, each with its cost limits.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::{constant_time::verify_slices_are_equal, pbkdf2};
use base64ct::{Base64ShaCrypt, Encoding};
use bcrypt::HashParts;
use md5::{Digest, Md5};
use sha_crypt::{PasswordVerifier, ShaCrypt};

use super::StoredHash;
use crate::{
    config::Argon2Config,
    password::{SALT_BYTES, argon2_output, digest::DigestKind},
};

// A stored hash above these limits, or above those of the configuration, is unusable: an attack on
// the service, or a mistake. The hashes of known systems are below.
const MAX_BCRYPT_COST: u32 = 14;
/// Times the blocks of the output. Django 6.0 writes 1,200,000.
const MAX_PBKDF2_ITERATIONS: usize = 2_000_000;
/// N × r × p. OWASP's strongest choice has N = 2^17 and r = 8.
const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// The memory of that choice.
const MAX_SCRYPT_KIB: usize = 128 * 1024 + 2;
/// passlib writes 656,000.
const MAX_CRYPT_ROUNDS: u32 = 1_000_000;
/// The logarithm to base 2. passlib writes 19, WordPress 13.
const MAX_PHPASS_LOG_ROUNDS: usize = 20;
/// Random passwords would match a shorter output; no system writes a longer one.
const OUTPUT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

const BCRYPT_BYTES: usize = 72;
/// crypt(3) and phpass hash the password in each round: their work grows with its length.
const MAX_REHASHED_BYTES: usize = 256;
/// In blocks of 1 KiB. glibc returns an allocation of more than 32 MiB to the system as soon as it is
/// freed, but keeps smaller ones. Reserved memory that is not used costs nothing.
const UNMAPPED_BLOCKS: usize = 33 * 1024;

fn stored(
    kind: &str,
    is_usable: bool,
    compare: impl Fn(&[u8], &mut Vec<Block>) -> bool + Send + 'static,
) -> Option<StoredHash> {
    let (kind, compare) = (kind.to_owned(), Box::new(compare));
    is_usable.then_some(StoredHash { kind, argon2id: None, argon2_kib: 0, other_kib: 0, compare })
}

/// RFC 9106, of the password or of a fast digest of it.
pub(super) fn argon2(
    kind: &str,
    algorithm: Algorithm,
    hash: &PasswordHash,
    digest: Option<&'static DigestKind>,
) -> Option<StoredHash> {
    let (salt, output) = (hash.salt?, hash.hash?);
    let params = Params::try_from(hash).ok()?;
    let config = Argon2Config {
        memory_kib: params.m_cost(),
        iterations: params.t_cost(),
        parallelism: params.p_cost(),
    };
    let is_usable = config.within_cost_limits()
        && params.keyid().is_empty()
        && OUTPUT_BYTES.contains(&output.len());
    // A PHC string without a version is of Argon2 1.0.
    let version = Version::try_from(hash.version.unwrap_or(0x10)).ok()?;
    let is_new_kind = algorithm == Algorithm::Argon2id && version == Version::V0x13;
    let is_like_new = is_new_kind && digest.is_none() && salt.len() >= SALT_BYTES;
    let argon2id = is_like_new.then(|| params.clone());
    let (argon2_kib, argon2) = (params.block_count(), Argon2::new(algorithm, version, params));
    let stored = stored(kind, is_usable, move |password, memory| {
        let digested =
            digest.map(|kind| (kind.compute)(&[password, argon2.params().data()].concat()));
        let input = digested.as_deref().unwrap_or(password);
        let mut own = Vec::new();
        let is_large = argon2_kib > memory.len();
        if is_large && own.try_reserve_exact(UNMAPPED_BLOCKS).is_err() {
            return false;
        }
        let memory = if is_large { &mut own } else { memory };
        // Outputs are compared in constant time.
        argon2_output(&argon2, input, &salt, memory) == Some(output)
    })?;
    Some(StoredHash { argon2id, argon2_kib, ..stored })
}

/// `$2b$12$` and 53 characters of bcrypt's own Base64. `input` encodes the password first.
pub(super) fn bcrypt(kind: &str, text: &str, input: fn(&[u8]) -> Vec<u8>) -> Option<StoredHash> {
    let cost = text.parse::<HashParts>().ok()?.get_cost();
    // The library would compute 2x as 2b.
    let is_usable = (4..=MAX_BCRYPT_COST).contains(&cost) && !text.starts_with("$2x$");
    let hash = text.to_owned();
    stored(kind, is_usable, move |password, _| {
        let input = input(password);
        // bcrypt truncates longer inputs, and repeats shorter ones, separated by NUL.
        input.len() <= BCRYPT_BYTES
            && !input.contains(&0)
            && bcrypt::verify(input, &hash).unwrap_or(false)
    })
}

/// RFC 8018 with HMAC; `prf` ends in the name of the hash function.
pub(super) fn pbkdf2(
    kind: &str,
    prf: &str,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Option<StoredHash> {
    let (prf, block_bytes) = match prf.rsplit(['-', '_']).next()? {
        "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        _ => return None,
    };
    let work = (iterations as usize).checked_mul(output.len().div_ceil(block_bytes))?;
    let is_usable = work <= MAX_PBKDF2_ITERATIONS && OUTPUT_BYTES.contains(&output.len());
    let iterations = NonZeroU32::new(iterations)?;
    stored(kind, is_usable, move |password, _| {
        pbkdf2::verify(prf, iterations, &salt, password, &output).is_ok()
    })
}

/// RFC 7914.
pub(super) fn scrypt(
    kind: &str,
    [log_n, r, p]: [u32; 3],
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Option<StoredHash> {
    let n = 1_u64.checked_shl(log_n)?;
    let work = n.checked_mul(r.into())?.checked_mul(p.into())?;
    if !(1..=20).contains(&log_n) || work > MAX_SCRYPT_WORK || !OUTPUT_BYTES.contains(&output.len())
    {
        return None;
    }
    let other_kib = (128 * r as usize * ((1 << log_n) + p as usize + 1)).div_ceil(1024);
    let params = scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
    let stored = stored(kind, other_kib <= MAX_SCRYPT_KIB, move |password, _| {
        let mut computed = vec![0; output.len()];
        scrypt::scrypt(password, &salt, &params, &mut computed).is_ok()
            && verify_slices_are_equal(&computed, &output).is_ok()
    });
    Some(StoredHash { other_kib, ..stored? })
}

/// crypt(3) with SHA-256 or SHA-512: `$5$…` or `$6$…`.
pub(super) fn sha_crypt(text: &str, rounds: u32, salt: &str, output: &str) -> Option<StoredHash> {
    let (kind, output_characters) =
        if text.starts_with("$5$") { ("crypt sha256", 43) } else { ("crypt sha512", 86) };
    let is_base64 = |it: u8| it.is_ascii_alphanumeric() || b"./".contains(&it);
    let is_usable = (1_000..=MAX_CRYPT_ROUNDS).contains(&rounds)
        && [salt, output].iter().all(|field| field.bytes().all(is_base64))
        && output.len() == output_characters;
    let hash = text.to_owned();
    stored(kind, is_usable, move |password, _| {
        password.len() <= MAX_REHASHED_BYTES
            && ShaCrypt::default().verify_password(password, &*hash).is_ok()
    })
}

/// phpass: a character for the rounds, eight of salt, 22 of hash. MD5 of salt and password, then in
/// each round MD5 of the result and the password.
pub(super) fn phpass(text: &str) -> Option<StoredHash> {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let first = *text.as_bytes().first()?;
    let log_rounds = ALPHABET.iter().position(|it| *it == first)?;
    let (salt, output) = (text.get(1..9)?.as_bytes().to_vec(), text.get(9..)?);
    let output = Base64ShaCrypt::decode_vec(output).ok().filter(|output| output.len() == 16)?;
    let is_usable = (7..=MAX_PHPASS_LOG_ROUNDS).contains(&log_rounds);
    stored("phpass", is_usable, move |password, _| {
        if password.len() > MAX_REHASHED_BYTES {
            return false;
        }
        let mut hash = Md5::new_with_prefix(&salt).chain_update(password).finalize();
        for _ in 0..1 << log_rounds {
            hash = Md5::new_with_prefix(hash).chain_update(password).finalize();
        }
        verify_slices_are_equal(&hash, &output).is_ok()
    })
}
