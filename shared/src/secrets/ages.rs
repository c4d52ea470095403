//! How old the secrets of a process are, for whoever watches it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The keys of tokens.
    Jwt,
    /// The account of the database.
    Database,
}

impl SecretKind {
    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Database => "database",
        }
    }
}

/// Something that was fetched.
pub(super) trait Aged: Send + Sync {
    /// How long ago the fetch began that last confirmed it; `None` if there is nothing.
    fn age(&self, now: SystemTime) -> Option<Duration>;
}

type Watched = (SecretKind, Weak<dyn Aged>);

/// All caches that were filled through one [`Secrets`](super::Secrets) and its clones, and
/// whose secret may change.
#[derive(Clone, Default)]
pub(super) struct Ages(Arc<Mutex<Vec<Watched>>>);

impl Ages {
    pub(super) fn watch<A: Aged + 'static>(&self, kind: SecretKind, secret: &Arc<A>) {
        let secret: Arc<dyn Aged> = Arc::clone(secret) as _;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((kind, Arc::downgrade(&secret)));
    }

    pub(super) fn all(&self, now: SystemTime) -> Vec<(SecretKind, Duration)> {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ages = watched.iter().filter_map(|(kind, secret)| {
            let age = secret.upgrade()?.age(now)?;
            Some((*kind, age))
        });
        ages.collect()
    }
}

impl fmt::Debug for Ages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ages").finish_non_exhaustive()
    }
}
