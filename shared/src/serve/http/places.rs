//! How many connections may be open at once.
//!
//! Each is a file descriptor, and whoever holds them all keeps the database from being
//! reached: so connections have a limit, and descriptors are left for the rest.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::RepeatedWarning;

/// File descriptors for the database, secrets, the listener and the runtime.
const RESERVE: usize = 64;

/// The place of one connection, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// The places of all connections.
pub(super) struct Places {
    free: Arc<Semaphore>,
    total: usize,
    are_taken: RepeatedWarning,
}

impl Places {
    /// So many places, or as many as there are file descriptors for.
    pub(super) fn new(wanted: usize) -> Self {
        let descriptors = raise_descriptors();
        let total = wanted.min(descriptors.saturating_sub(RESERVE).max(1));
        if total < wanted {
            tracing::warn!(
                max_connections = total,
                configured = wanted,
                descriptors,
                "MAX_CONNECTIONS is more than there are file descriptors for (ulimit -Hn)"
            );
        }
        Self::of(total)
    }

    fn of(total: usize) -> Self {
        let (free, are_taken) = (Arc::new(Semaphore::new(total)), RepeatedWarning::default());
        Self { free, total, are_taken }
    }

    /// The next place that is free. The log says so when there is none.
    pub(super) async fn take(&self) -> Place {
        if let Some(place) = self.try_take() {
            return place;
        }
        if let Some(times) = self.are_taken.due() {
            let max_connections = self.total;
            tracing::warn!(
                max_connections,
                times,
                "no connection is accepted until another one ends"
            );
        }
        let place = Arc::clone(&self.free).acquire_owned().await;
        place.expect("nobody closes the semaphore")
    }

    /// How many are taken, and how many there are.
    pub(super) fn open_and_total(&self) -> (usize, usize) {
        (self.total.saturating_sub(self.free.available_permits()), self.total)
    }

    /// A place, if one is free.
    pub(super) fn try_take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }
}

/// Raises the limit of file descriptors as far as this process may, and gives it. The
/// usual 1,024 are for programs that use `select`.
fn raise_descriptors() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If that is forbidden, what there is has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
