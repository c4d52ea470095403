//! Passwords: whether one is right, and the hash of a new one.
//!
//! Every check costs one Argon2id computation with the configured parameters at
//! least, whether or not there is a hash to compare with: equal work, not a pause,
//! hides which e-mails exist.

mod digest;
mod slots;
mod stored;

pub use digest::{DigestKind, StoredDigest};
pub use slots::Busy;
pub use stored::StoredHash;

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, AssociatedData, Block, Params, ParamsBuilder, Version,
    password_hash::{
        phc::{Ident, Output, PasswordHash, Salt},
        try_generate_salt,
    },
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::config::{Argon2Config, HashLimits};
use slots::{HashSlots, Place, WAITING_PER_SLOT, grow};

/// The longest password that is ever right, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// What stands before the hash of a user who is disabled, as `usermod -L` puts it there.
pub const DISABLED: char = '!';
/// No known system stores more for a password.
const MAX_STORED_BYTES: usize = 512;
const OUTPUT_BYTES: usize = 32;
/// Salt of the computation that stands in where there is no usable hash to compare with.
const DUMMY_SALT: &[u8; 16] = b"no user, no hash";

/// The outcome of a check. A wrong password is not an error, and must not be ignored.
#[derive(Debug)]
#[must_use]
pub enum Verification {
    /// The password is right.
    Right {
        /// The same password's hash under the configured parameters, where the stored
        /// one is of another kind: to be stored in its place.
        replacement: Option<SecretString>,
    },
    /// The password is wrong, or there was no usable hash to compare it with.
    Wrong,
}

/// A check or a hash did not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// As many wait as may.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The system gave no memory or no random salt, or the computation panicked.
    #[error("the password could not be hashed")]
    Failed,
}

/// Checks and hashes passwords on threads of their own, a bounded number at once.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    policy: Policy,
    slots: Arc<HashSlots>,
}

impl PasswordHasher {
    /// A hasher with `slots` computations at once, and eight waiting for each.
    ///
    /// # Panics
    ///
    /// If `config` is outside of Argon2's own limits, which
    /// [`Argon2Config::read`] does not let through.
    #[must_use]
    pub fn new(config: Argon2Config, slots: usize) -> Self {
        Self::with_queue(config, slots, slots * WAITING_PER_SLOT)
    }

    /// The same with so many waiting at most.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    #[must_use]
    pub fn with_queue(config: Argon2Config, slots: usize, queue: usize) -> Self {
        let policy = Policy::new(config);
        let slots = Arc::new(HashSlots::new(slots, queue, policy.params.block_count()));
        Self { policy, slots }
    }

    /// The hasher with `limits`, on a machine with so many cores.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    #[must_use]
    pub fn limited(config: Argon2Config, limits: HashLimits, cores: usize) -> Self {
        let slots = limits.slots.unwrap_or(cores);
        Self::with_queue(config, slots, limits.queue.unwrap_or(slots * WAITING_PER_SLOT))
    }

    /// Gets the memory of one computation from the system, in the background: its pages take
    /// some 10 ms, for which a first request would wait.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn prepare(&self) {
        self.slots.prepare();
    }

    /// Admits one check, with all that has to be done before and after it.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many are under way already.
    pub fn admit(&self) -> Result<AdmittedCheck, HashingError> {
        Ok(AdmittedCheck { place: self.slots.admit()?, hasher: self.clone() })
    }

    /// Whether `password` is the one that `stored` was made from.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if too many checks wait already, and
    /// [`HashingError::Failed`] if the computation did not come about.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verification, HashingError> {
        self.admit()?.verify(password, stored).await
    }

    /// A PHC string of `password` with a new salt.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub async fn hash(&self, password: SecretString) -> Result<String, HashingError> {
        let policy = self.policy.clone();
        self.slots
            .run(self.slots.admit()?, 0, move |memory| {
                policy.hash(password.expose_secret().as_bytes(), memory)
            })
            .await?
            .ok_or(HashingError::Failed)?
    }

    /// A PHC string of a digest, with a new salt: `$argon2id-md5$…` and so on, with the
    /// digest's own salt as Argon2's associated data. The password of the digest is then
    /// right, and the digest itself is wrong.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub async fn wrap(&self, digest: StoredDigest) -> Result<String, HashingError> {
        let policy = self.policy.clone();
        self.slots
            .run(self.slots.admit()?, 0, move |memory| policy.wrap(&digest, memory))
            .await?
            .ok_or(HashingError::Failed)?
    }
}

/// A check that was admitted. Its place is free again once this is dropped and the computation
/// has ended: to be kept until all that belongs to the check is done.
#[derive(Debug)]
#[must_use]
pub struct AdmittedCheck {
    place: Place,
    hasher: PasswordHasher,
}

impl AdmittedCheck {
    /// Whether `password` is the one that `stored` was made from.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::verify`].
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verification, HashingError> {
        let PasswordHasher { policy, slots } = &self.hasher;
        // The hash of a disabled user, and the one in place of none, are computed as any other,
        // and are right for no password.
        let (stored, enabled) = match stored.as_ref().map(ExposeSecret::expose_secret) {
            Some(stored) => match stored.strip_prefix(DISABLED) {
                Some(stored) => (stored, false),
                None => (stored, true),
            },
            None => (&*policy.dummy, false),
        };
        let stored = StoredHash::parse(stored);
        let memory = stored.as_ref().map_or(0, |it| it.memory_beyond(slots.blocks()));
        let policy = policy.clone();
        slots
            .run(self.place.clone(), memory, move |memory| {
                policy.verify(&password, stored.as_ref(), enabled, memory)
            })
            .await?
            .ok_or(HashingError::Failed)?
    }
}

/// How new hashes are made.
#[derive(Debug, Clone)]
struct Policy {
    params: Params,
    /// Takes the place of a hash where there is no user, so that the same work is done. It is
    /// right for no password.
    dummy: Arc<str>,
}

impl Policy {
    fn new(config: Argon2Config) -> Self {
        let Argon2Config { memory_kib, iterations, parallelism } = config;
        let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES))
            .expect("the configuration's bounds lie within Argon2's");
        let dummy = Output::new(&[0; OUTPUT_BYTES])
            .ok()
            .and_then(|output| phc_string(argon2::ARGON2ID_IDENT, &params, DUMMY_SALT, output))
            .expect("the parameters and the lengths are Argon2's own");
        Self { params, dummy: dummy.into() }
    }

    fn verify(
        &self,
        password: &SecretString,
        stored: Option<&StoredHash>,
        enabled: bool,
        memory: &mut Vec<Block>,
    ) -> Result<Verification, HashingError> {
        let password = password.expose_secret().as_bytes();
        let comparable = stored.filter(|_| password.len() <= MAX_PASSWORD_BYTES);
        // The memory of a new hash is there for one of the same cost.
        grow(memory, self.params.block_count()).ok_or(HashingError::Failed)?;

        let right = comparable.is_some_and(|stored| stored.matches(password, memory));
        let right = right && enabled;
        let current = comparable.is_some_and(|stored| stored.is_current(&self.params));
        match (right, current) {
            (true, true) => Ok(Verification::Right { replacement: None }),
            (false, true) => Ok(Verification::Wrong),
            (true, false) => {
                Ok(Verification::Right { replacement: Some(self.hash(password, memory)?.into()) })
            }
            (false, false) => {
                compute(&self.params, password, DUMMY_SALT, memory)?;
                Ok(Verification::Wrong)
            }
        }
    }

    fn hash(&self, password: &[u8], memory: &mut Vec<Block>) -> Result<String, HashingError> {
        hash(argon2::ARGON2ID_IDENT, &self.params, password, memory)
    }

    fn wrap(&self, digest: &StoredDigest, memory: &mut Vec<Block>) -> Result<String, HashingError> {
        let failed = |_| HashingError::Failed;
        let name = format!("argon2id-{}", digest.kind.name());
        let own = &self.params;
        let mut params = ParamsBuilder::new();
        params.m_cost(own.m_cost()).t_cost(own.t_cost()).p_cost(own.p_cost());
        params.output_len(OUTPUT_BYTES);
        if !digest.salt.is_empty() {
            params.data(AssociatedData::new(&digest.salt).map_err(failed)?);
        }
        let name = Ident::new(&name).map_err(|_| HashingError::Failed)?;
        hash(name, &params.build().map_err(failed)?, &digest.value, memory)
    }
}

/// A PHC string of that name, with a new salt.
fn hash(
    algorithm: Ident,
    params: &Params,
    password: &[u8],
    memory: &mut Vec<Block>,
) -> Result<String, HashingError> {
    let salt = try_generate_salt().map_err(|_| HashingError::Failed)?;
    let output = compute(params, password, &salt, memory)?;
    phc_string(algorithm, params, &salt, output).ok_or(HashingError::Failed)
}

fn phc_string(algorithm: Ident, params: &Params, salt: &[u8], output: Output) -> Option<String> {
    let hash = PasswordHash {
        algorithm,
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(output),
    };
    Some(hash.to_string())
}

fn compute(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Output, HashingError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2_output(&argon2, password, salt, OUTPUT_BYTES, memory).ok_or(HashingError::Failed)
}

/// Runs Argon2 in `memory`, which grows to what the parameters need.
fn argon2_output(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    output_bytes: usize,
    memory: &mut Vec<Block>,
) -> Option<Output> {
    grow(memory, argon2.params().block_count())?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..output_bytes)?;
    argon2.hash_password_into_with_memory(password, salt, output, memory).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
mod tests;
