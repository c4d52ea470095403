//! The cost of a new password hash, and how many are computed at once.

use std::ops::RangeInclusive;

use super::Reader;

/// Argon2id parameters (RFC 9106 section 3.1) of new hashes.
///
/// The defaults are the second choice of the OWASP password storage cheat sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Config {
    /// `ARGON2_MEMORY_KIB`: memory in KiB.
    pub memory_kib: u32,
    /// `ARGON2_ITERATIONS`: passes over the memory.
    pub iterations: u32,
    /// `ARGON2_PARALLELISM`: lanes. They are computed one after another.
    pub parallelism: u32,
}

impl Default for Argon2Config {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

// What a hash, new or stored, may cost at most: some half a second on one core.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_ITERATIONS: u32 = 16;
const MAX_PARALLELISM: u32 = 16;
/// Memory times passes, in KiB.
const MAX_WORK_KIB: u32 = 512 * 1024;

impl Argon2Config {
    /// Whether a hash with these parameters costs no more than anybody can mean.
    #[must_use]
    pub fn is_bearable(&self) -> bool {
        self.memory_kib <= MAX_MEMORY_KIB
            && self.iterations <= MAX_ITERATIONS
            && self.parallelism <= MAX_PARALLELISM
            && self.memory_kib.saturating_mul(self.iterations) <= MAX_WORK_KIB
    }

    /// Reads the configuration; `None` where `reader` has noted a problem.
    ///
    /// The least memory is that of the last choice of OWASP's cheat sheet, which wants
    /// 5 passes with it; the upper bounds are those of stored hashes.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let default = Self::default();
        let memory = reader.number("ARGON2_MEMORY_KIB", default.memory_kib, 7_168..=MAX_MEMORY_KIB);
        let iterations = reader.number("ARGON2_ITERATIONS", default.iterations, 1..=MAX_ITERATIONS);
        let parallelism =
            reader.number("ARGON2_PARALLELISM", default.parallelism, 1..=MAX_PARALLELISM);
        let config =
            Self { memory_kib: memory?, iterations: iterations?, parallelism: parallelism? };
        if !config.is_bearable() {
            let reason = format!("make more than {MAX_WORK_KIB} together, multiplied");
            reader.problem("ARGON2_MEMORY_KIB, ARGON2_ITERATIONS", reason);
        }
        Some(config)
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
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut limit = |name: &str, range: RangeInclusive<usize>| {
            if reader.is_set(name) { reader.number(name, 0, range).map(Some) } else { Some(None) }
        };
        let slots = limit("HASH_SLOTS", 1..=256);
        let queue = limit("HASH_QUEUE", 0..=100_000);
        Some(Self { slots: slots?, queue: queue? })
    }
}
