//! Verifies and hashes passwords.
//!
//! Every verification costs at least one Argon2id computation with the configured parameters, even
//! without a stored hash: equal work, not a pause, hides which e-mails exist.

mod digest;
mod slots;
mod stored;

pub use digest::StoredDigest;
pub use slots::HashPermit;
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

use crate::config::Argon2Config;
use slots::{HashSlots, grow};

/// Longer passwords are always wrong, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The prefix of a disabled user's hash, as of `usermod -L`.
pub const DISABLED: char = '!';
/// The default queue for each slot: at 20 ms a hash, a wait of some 160 ms.
const WAITING_PER_SLOT: usize = 8;
/// No known system stores a longer hash.
const MAX_STORED_BYTES: usize = 512;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// The outcome of a verification. A wrong password is not an error, and must not be ignored.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// The password is right.
    Right {
        /// A new hash to store, if the stored one has other parameters than new ones.
        replacement: Option<SecretString>,
    },
    /// The password is wrong.
    Wrong {
        /// Why no password can be right, if none can; for the log, not for clients.
        reason: Option<&'static str>,
    },
}

/// A password was not verified or hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// The queue is full; try again later.
    #[error("too many password checks are waiting")]
    Busy,
    /// Memory or randomness was not available, or the computation panicked.
    #[error("the password could not be hashed")]
    Failed,
}

/// Verifies and hashes passwords on blocking threads, a bounded number at once.
#[derive(Clone)]
pub struct PasswordHasher {
    /// Of new hashes.
    params: Params,
    slots: Arc<HashSlots>,
}

impl PasswordHasher {
    /// A hasher with `slots` computations at once, and at least one. `queue` more may wait; `None` is
    /// eight for each slot.
    pub fn new(config: Argon2Config, slots: usize, queue: Option<usize>) -> Self {
        let Argon2Config { memory_kib, iterations, parallelism } = config;
        let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES))
            .expect("the configuration's bounds lie within Argon2's");
        let slots = slots.max(1);
        let queue = queue.unwrap_or(slots * WAITING_PER_SLOT);
        Self { params, slots: Arc::new(HashSlots::new(slots, queue)) }
    }

    /// Allocates the memory of one computation in the background, which takes some 10 ms.
    pub fn preallocate(&self) {
        self.slots.preallocate(self.params.block_count());
    }

    /// A permit for one verification and the work before and after it.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if all are taken.
    pub fn try_acquire(&self) -> Result<HashPermit, HashingError> {
        self.slots.try_acquire()
    }

    /// Whether `password` is the one that `stored` was computed from; `None` without a user.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many large hashes are queued, otherwise
    /// [`HashingError::Failed`].
    pub async fn verify(
        &self,
        permit: &HashPermit,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verification, HashingError> {
        let text = stored.as_ref().map(ExposeSecret::expose_secret);
        let disabled = text.is_some_and(|text| text.starts_with(DISABLED));
        let usable =
            text.and_then(|text| StoredHash::parse(text.strip_prefix(DISABLED).unwrap_or(text)));
        let reason = match (text, &usable) {
            (None, _) => None,
            (Some(_), None) => Some("no stored hash that login supports; see auth-admin user list"),
            (Some(_), Some(_)) => disabled.then_some("the user is disabled"),
        };
        let (params, slot_kib) = (self.params.clone(), self.params.block_count());
        let extra_kib = usable.as_ref().map_or(0, |it| it.extra_kib(slot_kib));
        let job = move |memory: &mut _| {
            let password = password.expose_secret().as_bytes();
            let usable = usable.filter(|_| password.len() <= MAX_PASSWORD_BYTES);
            // A stored hash of the same cost needs no more memory than a new one.
            grow(memory, slot_kib)?;
            let equal = usable.as_ref().is_some_and(|it| (it.compare)(password, memory));
            let right = equal && !disabled;
            let mut replacement = None;
            if usable.is_none_or(|it| it.argon2id.as_ref() != Some(&params)) {
                // Equal work: also for a wrong password, and without a user or a usable hash.
                replacement = Some(hash(ARGON2ID_IDENT, &params, password, memory)?.into());
            }
            let wrong = Verification::Wrong { reason };
            Some(if right { Verification::Right { replacement } } else { wrong })
        };
        self.slots.run(permit.clone(), extra_kib, job).await
    }

    /// A PHC string of `password` with a new salt.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if the queue is full, otherwise [`HashingError::Failed`].
    pub async fn hash(&self, password: SecretString) -> Result<String, HashingError> {
        let params = self.params.clone();
        let job = move |memory: &mut _| {
            hash(ARGON2ID_IDENT, &params, password.expose_secret().as_bytes(), memory)
        };
        self.slots.run(self.slots.try_acquire()?, 0, job).await
    }

    /// A PHC string of a digest with a new salt, such as `$argon2id-md5$…`. The digest's own salt is
    /// Argon2's associated data. The password is right for it, not the digest.
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
        self.slots.run(self.slots.try_acquire()?, 0, job).await
    }
}

/// A PHC string with a new salt.
fn hash(name: Ident, params: &Params, input: &[u8], memory: &mut Vec<Block>) -> Option<String> {
    let salt = try_generate_salt().ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let output = argon2_output(&argon2, input, &salt, memory)?;
    let hash = PasswordHash {
        algorithm: name,
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: Some(output),
    };
    Some(hash.to_string())
}

/// Runs Argon2 in `memory`, which is enlarged if necessary.
fn argon2_output(
    argon2: &Argon2<'_>,
    input: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Option<Output> {
    grow(memory, argon2.params().block_count())?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..argon2.params().output_len()?)?;
    argon2.hash_password_into_with_memory(input, salt, output, memory).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
mod tests;
