//! Hashing on all cores.

use std::num::NonZero;

use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use shared::{
    config::Argon2Config,
    password::{HashingError, PasswordHasher, StoredDigest},
};
use tokio::task::JoinSet;

use crate::answer::Failure;

/// For each computation that runs, one more waits: no core is idle while a finished
/// hash is being stored.
const UNDER_WAY_PER_CORE: usize = 2;

/// What a hash is made of.
pub(crate) enum Input {
    /// A password.
    Password(SecretString),
    /// The digest of one.
    Digest(StoredDigest),
}

/// Makes new hashes with the configured parameters.
#[derive(Debug, Clone)]
pub(crate) struct Hashing {
    hasher: PasswordHasher,
    cores: usize,
}

impl Hashing {
    /// As many hashes at once as there are cores.
    pub(crate) fn new(config: Argon2Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { hasher: PasswordHasher::new(config, cores), cores }
    }

    /// A PHC string of one password.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, HashingError> {
        self.hasher.hash(password).await
    }

    /// Hashes many inputs and gives each hash to `done`, with what it was for, in the order
    /// in which they get ready.
    ///
    /// After a failure nothing more is begun.
    pub(crate) async fn hash_each<T: Send + 'static>(
        &self,
        inputs: impl IntoIterator<Item = (T, Input)>,
        mut done: impl AsyncFnMut(T, String) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut inputs = inputs.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < self.cores * UNDER_WAY_PER_CORE
                && let Some((owner, input)) = inputs.next()
            {
                let hasher = self.hasher.clone();
                under_way.spawn(async move {
                    let hash = match input {
                        Input::Password(password) => hasher.hash(password).await,
                        Input::Digest(digest) => hasher.wrap(digest).await,
                    };
                    (owner, hash)
                });
            }
            let Some(finished) = under_way.join_next().await else { return Ok(()) };
            let (owner, hash) = finished.map_err(|_| HashingError::Failed)?;
            done(owner, hash?).await?;
        }
    }
}

/// How many of `total` hashes are made, on standard error if that is a terminal.
pub(crate) fn progress(total: u64) -> ProgressBar {
    let template = "hashed {human_pos} of {human_len} {wide_bar} {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(total).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_failure_nothing_more_is_begun() {
        let quick = Hashing::new(Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 });
        let mut begun = 0;
        let passwords = (0..1000).map(|number| (number, Input::Password("x".into())));
        let passwords = passwords.inspect(|_| begun += 1);
        let done = async |_, _| Err(Failure::because("on purpose"));
        quick.hash_each(passwords, done).await.unwrap_err();
        assert_eq!(begun, quick.cores * UNDER_WAY_PER_CORE);
    }
}
