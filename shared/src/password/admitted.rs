//! A password check, from its admission to its end.

use secrecy::{ExposeSecret, SecretString};

use super::{DISABLED, HashingError, PasswordHasher, StoredHash, Verification, slots::Place};

/// A check that was admitted. Its place is free again once this is dropped and the computation
/// has ended: to be kept until all that belongs to the check is done.
#[derive(Debug)]
#[must_use]
pub struct AdmittedCheck {
    pub(super) place: Place,
    pub(super) hasher: PasswordHasher,
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
        let stored = stored.as_ref().map_or("", ExposeSecret::expose_secret);
        // A disabled user's hash is computed as before, and is right for no password.
        let (stored, enabled) = match stored.strip_prefix(DISABLED) {
            Some(stored) => (stored, false),
            None => (stored, true),
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
