//! The cost of a new password hash.

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

impl Argon2Config {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    ///
    /// The lower bounds are the weakest choice that OWASP lists; the upper ones are
    /// those above which a stored hash is refused as absurd.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let default = Self::default();
        let memory = reader.number("ARGON2_MEMORY_KIB", default.memory_kib, 7_168..=1 << 17);
        let iterations = reader.number("ARGON2_ITERATIONS", default.iterations, 1..=16);
        let parallelism = reader.number("ARGON2_PARALLELISM", default.parallelism, 1..=16);
        Some(Self { memory_kib: memory?, iterations: iterations?, parallelism: parallelism? })
    }
}
