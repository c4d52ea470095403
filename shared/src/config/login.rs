//! The cost of password hashes, and the throttle of failed logins.

use std::time::Duration;

use super::Reader;

/// Argon2id parameters (RFC 9106 section 3.1) of new hashes. The defaults are the second choice of
/// OWASP's password storage cheat sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Config {
    /// `ARGON2_MEMORY_KIB`: memory in KiB.
    pub memory_kib: u32,
    /// `ARGON2_ITERATIONS`: passes over the memory.
    pub iterations: u32,
    /// `ARGON2_PARALLELISM`: lanes. They are computed one after another.
    pub parallelism: u32,
}

// What a hash, new or stored, may cost at most: some half a second on one core.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_ITERATIONS: u32 = 16;
const MAX_PARALLELISM: u32 = 16;
/// Memory times passes, in KiB.
const MAX_WORK_KIB: u32 = 512 * 1024;
/// That of the last choice of OWASP's cheat sheet, which wants 5 passes with it.
const MIN_MEMORY_KIB: u32 = 7_168;

impl Argon2Config {
    /// Whether a hash with these parameters is within the limits of what a check may cost.
    pub(crate) fn within_cost_limits(&self) -> bool {
        self.memory_kib <= MAX_MEMORY_KIB
            && self.iterations <= MAX_ITERATIONS
            && self.parallelism <= MAX_PARALLELISM
            && self.memory_kib.saturating_mul(self.iterations) <= MAX_WORK_KIB
    }

    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let config = Self {
            memory_kib: reader.number("ARGON2_MEMORY_KIB", MIN_MEMORY_KIB..=MAX_MEMORY_KIB),
            iterations: reader.number("ARGON2_ITERATIONS", 1..=MAX_ITERATIONS),
            parallelism: reader.number("ARGON2_PARALLELISM", 1..=MAX_PARALLELISM),
        };
        if !config.within_cost_limits() {
            let reason = format!("make more than {MAX_WORK_KIB} together, multiplied");
            reader.problem("ARGON2_MEMORY_KIB, ARGON2_ITERATIONS", reason);
        }
        config
    }
}

/// How many hashes are computed at once, and how many may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashLimits {
    /// `HASH_SLOTS`: hashes at once; one for each core where it is not set.
    pub slots: Option<usize>,
    /// `HASH_QUEUE`: how many logins more may be under way; eight for each slot where it is not set.
    pub queue: Option<usize>,
}

impl HashLimits {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            slots: reader.optional_number("HASH_SLOTS", 1..=256),
            queue: reader.optional_number("HASH_QUEUE", 0..=100_000),
        }
    }
}

/// When an e-mail, or a source of requests, has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// `LOGIN_MAX_FAILURES`: the failure in a row with which an e-mail is locked.
    pub max_failures: u32,
    /// `LOGIN_MAX_LOCK_SECONDS`: the longest lock of an e-mail.
    pub longest_lock: Duration,
    /// `LOGIN_SOURCE_LIMIT`: failures a minute from one source, if that is limited.
    pub source_limit: Option<u32>,
    /// `TRUSTED_PROXY_HOPS`: how many proxies in front of this service add to `X-Forwarded-For`.
    pub proxy_hops: usize,
}

impl ThrottleConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        // At most a day.
        let lock = reader.number("LOGIN_MAX_LOCK_SECONDS", 1..=86_400);
        let source_limit = reader.number("LOGIN_SOURCE_LIMIT", 0..=1_000_000);
        Self {
            max_failures: reader.number("LOGIN_MAX_FAILURES", 1..=10_000),
            longest_lock: Duration::from_secs(lock),
            source_limit: Some(source_limit).filter(|limit| *limit > 0),
            proxy_hops: reader.number("TRUSTED_PROXY_HOPS", 0..=16),
        }
    }
}
