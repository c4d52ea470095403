//! Hashes as they are found in the database: our own, and those of other systems.

mod forms;
mod limits;

use std::num::NonZeroU32;

use argon2::{Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac, pbkdf2,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use sha_crypt::{PasswordVerifier, ShaCrypt};

use super::{OUTPUT_BYTES, argon2_output, digest::DigestKind};

const BCRYPT_BYTES: usize = 72;
/// crypt(3) and phpass hash the password anew in each round, so their work grows with its
/// length.
const MAX_REHASHED_BYTES: usize = 256;
const MIN_SALT_BYTES: usize = 16;
/// As many blocks of 1 KiB as the C library never keeps: glibc gives what is larger than 32 MiB
/// back to the system at once, and would not even use less of it again, aligned as blocks are.
/// What is reserved and not used costs nothing.
const UNMAPPED_BLOCKS: usize = 33 * 1024;

/// A hash that can be compared with a password at a bearable cost.
pub struct StoredHash {
    kind: &'static str,
    function: Function,
}

/// The computation that a hash describes, and its result.
enum Function {
    /// RFC 9106, of the password or of a fast digest of it.
    Argon2 { hash: Box<PasswordHash>, argon2: Box<Argon2<'static>>, digest: Option<DigestKind> },
    /// The hash is `$2b$…`, of something that is made of the password.
    Bcrypt { hash: String, input: BcryptInput },
    /// RFC 8018.
    Pbkdf2 { prf: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    /// RFC 7914.
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
    /// The hash is `$5$…` or `$6$…` of crypt(3).
    ShaCrypt(String),
    /// MD5 of salt and password, then so many times of that and the password.
    Phpass { rounds: u32, salt: Vec<u8>, output: Vec<u8> },
}

/// What bcrypt is given in place of the password.
#[derive(Clone, Copy)]
enum BcryptInput {
    Password,
    /// Django: SHA-256 in hexadecimal.
    Sha256,
    /// WordPress: HMAC-SHA-384 with a constant key, in Base64.
    WordPress,
}

impl StoredHash {
    /// Reads a hash; `None` if it is of no kind known here, damaged, or so costly
    /// that nobody can have meant it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        forms::parse(text)
    }

    /// The system and the function that it is of, such as `django pbkdf2_sha256`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The memory that a check needs beyond `kept` blocks of 1 KiB, in KiB.
    pub(super) fn memory_beyond(&self, kept: usize) -> usize {
        match &self.function {
            Function::Argon2 { argon2, .. } => {
                let blocks = argon2.params().block_count();
                if blocks > kept { blocks } else { 0 }
            }
            Function::Scrypt { params, .. } => {
                limits::scrypt_kib(params.log_n().into(), params.r(), params.p())
            }
            _ => 0,
        }
    }

    /// Whether this is a hash of `password`. Compared in constant time.
    ///
    /// Argon2 works in `memory` where that is large enough, and never makes it larger.
    pub(super) fn matches(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        match &self.function {
            Function::Argon2 { hash, argon2, digest } => {
                let (Some(salt), Some(output)) = (&hash.salt, &hash.hash) else { return false };
                let digested = digest.map(|kind| kind.compute(password, argon2.params().data()));
                let input = digested.as_deref().unwrap_or(password);
                let mut own = Vec::new();
                let memory = if argon2.params().block_count() <= memory.len() {
                    memory
                } else if own.try_reserve_exact(UNMAPPED_BLOCKS).is_ok() {
                    &mut own
                } else {
                    return false;
                };
                let computed = argon2_output(argon2, input, salt, output.len(), memory);
                computed.is_some_and(|computed| computed == *output)
            }
            Function::Bcrypt { hash, input } => bcrypt_matches(hash, *input, password),
            Function::Pbkdf2 { prf, iterations, salt, output } => {
                pbkdf2::verify(*prf, *iterations, salt, password, output).is_ok()
            }
            Function::Scrypt { params, salt, output } => {
                let mut computed = vec![0; output.len()];
                scrypt::scrypt(password, salt, params, &mut computed).is_ok()
                    && verify_slices_are_equal(&computed, output).is_ok()
            }
            Function::ShaCrypt(hash) => {
                password.len() <= MAX_REHASHED_BYTES
                    && ShaCrypt::default().verify_password(password, hash.as_str()).is_ok()
            }
            Function::Phpass { rounds, salt, output } => {
                password.len() <= MAX_REHASHED_BYTES
                    && verify_slices_are_equal(&phpass(*rounds, salt, password), output).is_ok()
            }
        }
    }

    /// Whether a new hash would be of the same kind and cost.
    pub(super) fn is_current(&self, policy: &Params) -> bool {
        let Function::Argon2 { hash, argon2, digest: None } = &self.function else { return false };
        let params = argon2.params();
        hash.algorithm == argon2::ARGON2ID_IDENT
            && hash.version == Some(Version::V0x13.into())
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (policy.m_cost(), policy.t_cost(), policy.p_cost())
            && hash.salt.as_ref().is_some_and(|salt| salt.len() >= MIN_SALT_BYTES)
            && hash.hash.as_ref().is_some_and(|output| output.len() == OUTPUT_BYTES)
    }
}

fn bcrypt_matches(hash: &str, input: BcryptInput, password: &[u8]) -> bool {
    let input = match input {
        BcryptInput::Password => password.to_vec(),
        BcryptInput::Sha256 => {
            use std::fmt::Write;
            let mut hex = String::with_capacity(64);
            for byte in digest(&SHA256, password).as_ref() {
                let _ = write!(hex, "{byte:02x}");
            }
            hex.into_bytes()
        }
        BcryptInput::WordPress => {
            let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
            STANDARD.encode(hmac::sign(&key, password)).into_bytes()
        }
    };
    // bcrypt is blind beyond 72 bytes, and repeats a shorter password with NULs in between:
    // two passwords would be one.
    input.len() <= BCRYPT_BYTES
        && !input.contains(&0)
        && bcrypt::verify(input, hash).unwrap_or(false)
}

fn phpass(rounds: u32, salt: &[u8], password: &[u8]) -> [u8; 16] {
    let mut hash = Md5::new_with_prefix(salt).chain_update(password).finalize();
    for _ in 0..rounds {
        hash = Md5::new_with_prefix(hash).chain_update(password).finalize();
    }
    hash.into()
}
