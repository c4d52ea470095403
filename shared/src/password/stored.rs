//! Hashes as they are found in the database: our own, and those of other systems.

use argon2::password_hash::PasswordVerifier;
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc::PasswordHash};
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;

use super::{OUTPUT_BYTES, argon2_output};
use crate::config::Argon2Config;

// Above these, and above the bounds of the configuration, a stored hash is unusable: it
// would be an attack on the service, or a mistake. What known systems write lies below.
const MAX_BCRYPT_COST: u32 = 14;
const BCRYPT_BYTES: usize = 72;
const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
/// N × r × p: N = 2^17 with r = 8, the strongest choice that OWASP lists, or the same work
/// in other parts. Memory is 128 bytes times N × r, so it is bounded as well.
const MAX_SCRYPT_WORK: u64 = 1 << 20;

const MIN_SALT_BYTES: usize = 16;

/// A hash that can be compared with a password at a bearable cost.
pub enum StoredHash {
    /// Argon2id or Argon2i (RFC 9106) as a PHC string.
    Argon2(PasswordHash, Argon2<'static>),
    /// bcrypt: `$2a$`, `$2b$` or `$2y$`.
    Bcrypt(String),
    /// PBKDF2-HMAC-SHA-256 or -512 (RFC 8018) as a PHC string.
    Pbkdf2(PasswordHash),
    /// scrypt (RFC 7914) as a PHC string.
    Scrypt(PasswordHash),
}

impl StoredHash {
    /// Reads a hash; `None` if it is of no kind known here, damaged, or so costly
    /// that nobody can have meant it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return bcrypt_is_usable(text).then(|| Self::Bcrypt(text.to_owned()));
        }
        let hash = PasswordHash::new(text).ok()?;
        let (Some(_), Some(_)) = (&hash.salt, &hash.hash) else { return None };
        match hash.algorithm.as_str() {
            "argon2id" | "argon2i" => {
                let argon2 = argon2_of(&hash)?;
                Some(Self::Argon2(hash, argon2))
            }
            "pbkdf2-sha256" | "pbkdf2-sha512" => {
                let params = pbkdf2::Params::try_from(&hash).ok()?;
                (params.rounds() <= MAX_PBKDF2_ITERATIONS).then_some(Self::Pbkdf2(hash))
            }
            "scrypt" => {
                let params = scrypt::Params::try_from(&hash).ok()?;
                let blocks = 1_u64.checked_shl(params.log_n().into())?;
                let work = blocks.checked_mul(u64::from(params.r()))?;
                let work = work.checked_mul(u64::from(params.p()))?;
                (work <= MAX_SCRYPT_WORK).then_some(Self::Scrypt(hash))
            }
            _ => None,
        }
    }

    /// Whether this is a hash of `password`. Compared in constant time.
    pub(super) fn matches(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        match self {
            Self::Argon2(hash, argon2) => argon2_matches(hash, argon2, password, memory),
            Self::Bcrypt(hash) => {
                // bcrypt is blind beyond 72 bytes, and repeats a shorter password with NULs
                // in between: two passwords would be one.
                password.len() <= BCRYPT_BYTES
                    && !password.contains(&0)
                    && bcrypt::verify(password, hash).unwrap_or(false)
            }
            Self::Pbkdf2(hash) => Pbkdf2::default().verify_password(password, hash).is_ok(),
            Self::Scrypt(hash) => Scrypt::default().verify_password(password, hash).is_ok(),
        }
    }

    /// Whether a new hash would be of the same kind and cost.
    pub(super) fn is_current(&self, policy: &Params) -> bool {
        let Self::Argon2(hash, argon2) = self else { return false };
        let params = argon2.params();
        hash.algorithm == argon2::ARGON2ID_IDENT
            && hash.version == Some(Version::V0x13.into())
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (policy.m_cost(), policy.t_cost(), policy.p_cost())
            && hash.salt.as_ref().is_some_and(|salt| salt.len() >= MIN_SALT_BYTES)
            && hash.hash.as_ref().is_some_and(|output| output.len() == OUTPUT_BYTES)
    }
}

/// The computation that a PHC string describes, if it is bearable.
fn argon2_of(hash: &PasswordHash) -> Option<Argon2<'static>> {
    let params = Params::try_from(hash).ok()?;
    let config = Argon2Config {
        memory_kib: params.m_cost(),
        iterations: params.t_cost(),
        parallelism: params.p_cost(),
    };
    let usable = config.is_bearable() && params.keyid().is_empty();
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    // A PHC string without a version is of Argon2 1.0.
    let version = Version::try_from(hash.version.unwrap_or(0x10)).ok()?;
    usable.then(|| Argon2::new(algorithm, version, params))
}

fn argon2_matches(
    hash: &PasswordHash,
    argon2: &Argon2<'_>,
    password: &[u8],
    memory: &mut Vec<Block>,
) -> bool {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return false };
    let computed = argon2_output(argon2, password, salt, expected.len(), memory);
    computed.is_some_and(|computed| computed == *expected)
}

/// `$2b$12$` and 53 characters of bcrypt's own Base64.
fn bcrypt_is_usable(text: &str) -> bool {
    let (Some(cost), Some(rest)) = (text.get(4..6), text.get(6..)) else { return false };
    let cost_is_usable = cost.bytes().all(|byte| byte.is_ascii_digit())
        && cost.parse().is_ok_and(|cost| (4..=MAX_BCRYPT_COST).contains(&cost));
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    cost_is_usable && rest.len() == 54 && rest.starts_with('$') && rest[1..].bytes().all(is_base64)
}
