//! Passwords: whether one is right, and the hash of a new one.
//!
//! Every check costs at least one Argon2id computation with the configured parameters, even without
//! a hash to compare with: equal work, not a pause, hides which e-mails exist.

mod digest;
mod slots;
mod stored;

pub use digest::StoredDigest;
pub use stored::StoredHash;

use std::sync::Arc;

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, AssociatedData, Block, Params, ParamsBuilder, Version,
    password_hash::{
        phc::{Ident, Output, PasswordHash, Salt},
        try_generate_salt,
    },
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::config::{Argon2Config, HashLimits};
use slots::{HashSlots, Permit, grow};

/// The longest password that is ever right, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// What stands before the hash of a user who is disabled, as `usermod -L` puts it there.
pub const DISABLED: char = '!';
/// How many wait by default for each computation that runs: at 20 ms a hash, for some 160 ms.
const WAITING_PER_SLOT: usize = 8;
/// No known system stores more for a password.
const MAX_STORED_BYTES: usize = 512;
const OUTPUT_BYTES: usize = 32;

/// The outcome of a check. A wrong password is not an error, and must not be ignored.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// The password is right.
    Right {
        /// What to store instead, where the stored hash is not as new ones are.
        replacement: Option<SecretString>,
    },
    /// The password is wrong, or there was no usable hash to compare it with.
    Wrong,
}

/// A check or a hash did not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// As many wait as may; try again later.
    #[error("too many password checks are waiting")]
    Busy,
    /// The system gave no memory or no random salt, or the computation panicked.
    #[error("the password could not be hashed")]
    Failed,
}

/// Checks and hashes passwords on threads of their own, a bounded number at once.
#[derive(Clone)]
pub struct PasswordHasher {
    /// How new hashes are made.
    params: Params,
    /// Compared where there is no user, and right for no password.
    dummy: Arc<PasswordHash>,
    slots: Arc<HashSlots>,
}

impl PasswordHasher {
    /// A hasher with `slots` computations at once, and eight waiting for each.
    #[must_use]
    pub fn new(config: Argon2Config, slots: usize) -> Self {
        Self::limited(config, HashLimits::default(), slots)
    }

    /// The hasher with `limits`, on a machine with so many cores.
    #[must_use]
    pub fn limited(config: Argon2Config, limits: HashLimits, cores: usize) -> Self {
        let Argon2Config { memory_kib, iterations, parallelism } = config;
        let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES))
            .expect("the configuration's bounds lie within Argon2's");
        let dummy = Output::new(&[0; OUTPUT_BYTES]).ok();
        let dummy =
            dummy.and_then(|output| phc(ARGON2ID_IDENT, &params, b"no user, no hash", output));
        let dummy = Arc::new(dummy.expect("the parameters and the lengths are Argon2's own"));
        let slots = limits.slots.unwrap_or(cores).max(1);
        let queue = limits.queue.unwrap_or(slots * WAITING_PER_SLOT);
        let slots = Arc::new(HashSlots::new(slots, queue));
        Self { params, dummy, slots }
    }

    /// Gets the memory of one computation in the background: its pages take some 10 ms.
    pub fn prepare(&self) {
        self.slots.prepare(self.params.block_count());
    }

    /// Admits one check, with all that has to be done before and after it.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many are under way already.
    pub fn admit(&self) -> Result<AdmittedCheck, HashingError> {
        Ok(AdmittedCheck { permit: self.slots.admit()?, hasher: self.clone() })
    }

    /// A PHC string of `password` with a new salt.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many are under way already, and
    /// [`HashingError::Failed`] if the computation did not come about.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashingError> {
        let params = self.params.clone();
        let job = move |memory: &mut _| {
            hash(ARGON2ID_IDENT, &params, password.expose_secret().as_bytes(), memory)
        };
        self.slots.run(self.slots.admit()?, 0, job).await
    }

    /// A PHC string of a digest, with a new salt: `$argon2id-md5$…` and so on, with the digest's
    /// own salt as Argon2's associated data. It is right for the password, not for the digest.
    ///
    /// # Errors
    ///
    /// As [`Self::hash`].
    pub async fn wrap(&self, digest: StoredDigest) -> Result<String, HashingError> {
        let own = self.params.clone();
        let job = move |memory: &mut _| {
            let name = Ident::new(&format!("argon2id-{}", digest.kind)).ok()?;
            let mut params = ParamsBuilder::new();
            params.m_cost(own.m_cost()).t_cost(own.t_cost()).p_cost(own.p_cost());
            params.data(AssociatedData::new(&digest.salt).ok()?).output_len(OUTPUT_BYTES);
            hash(name, &params.build().ok()?, &digest.value, memory)
        };
        self.slots.run(self.slots.admit()?, 0, job).await
    }

    /// The computation of [`AdmittedCheck::verify`]; `None` if there is no memory for it.
    fn check(
        &self,
        password: &[u8],
        stored: Option<&StoredHash>,
        enabled: bool,
        memory: &mut Vec<Block>,
    ) -> Option<Verification> {
        let stored = stored.filter(|_| password.len() <= MAX_PASSWORD_BYTES);
        // The memory of a new hash is there for one of the same cost.
        grow(memory, self.params.block_count())?;
        let right = stored.is_some_and(|stored| (stored.compare)(password, memory)) && enabled;
        let replacement = if stored.is_some_and(|stored| stored.is_like(&self.dummy)) {
            None
        } else {
            // Computed for a wrong password as well: equal work.
            Some(hash(ARGON2ID_IDENT, &self.params, password, memory)?.into())
        };
        Some(if right { Verification::Right { replacement } } else { Verification::Wrong })
    }
}

/// A check that was admitted. To be kept until all that belongs to it is done: its place is free
/// again once this is dropped and the computation has ended.
#[must_use]
pub struct AdmittedCheck {
    permit: Permit,
    hasher: PasswordHasher,
}

impl AdmittedCheck {
    /// Whether `password` is the one that `stored` was made from.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many with large hashes are under way already, and
    /// [`HashingError::Failed`] if the computation did not come about.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verification, HashingError> {
        let hasher = self.hasher.clone();
        // The hash of a disabled user, and the one in place of none, are computed as any other,
        // and are right for no password.
        let dummy = hasher.dummy.to_string();
        let text = stored.as_ref().map_or(dummy.as_str(), ExposeSecret::expose_secret);
        let enabled = stored.is_some() && !text.starts_with(DISABLED);
        let stored = StoredHash::parse(text.strip_prefix(DISABLED).unwrap_or(text));
        let kept = hasher.params.block_count();
        let beside = stored.as_ref().map_or(0, |it| it.memory_beyond(kept));
        let job = move |memory: &mut _| {
            hasher.check(password.expose_secret().as_bytes(), stored.as_ref(), enabled, memory)
        };
        self.hasher.slots.run(self.permit.clone(), beside, job).await
    }
}

/// A PHC string of that name, with a new salt.
fn hash(name: Ident, params: &Params, input: &[u8], memory: &mut Vec<Block>) -> Option<String> {
    let salt = try_generate_salt().ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let output = argon2_output(&argon2, input, &salt, OUTPUT_BYTES, memory)?;
    Some(phc(name, params, &salt, output)?.to_string())
}

fn phc(algorithm: Ident, params: &Params, salt: &[u8], output: Output) -> Option<PasswordHash> {
    Some(PasswordHash {
        algorithm,
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(output),
    })
}

/// Runs Argon2 in `memory`, which grows to what the parameters need.
fn argon2_output(
    argon2: &Argon2<'_>,
    input: &[u8],
    salt: &[u8],
    output_bytes: usize,
    memory: &mut Vec<Block>,
) -> Option<Output> {
    grow(memory, argon2.params().block_count())?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..output_bytes)?;
    argon2.hash_password_into_with_memory(input, salt, output, memory).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
mod tests;
