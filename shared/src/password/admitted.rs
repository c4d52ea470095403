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
