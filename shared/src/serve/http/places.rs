//! How many connections may be open at once.
//!
//! Each is a file descriptor, and clients that held them all would keep the database from
//! being reached: so connections have a limit, and descriptors are left for the rest. When
//! there is no place left, the connection that has been idle longest makes room. A few places
//! are for probes alone: an instance whose clients take all others is busy, and not broken.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::socket::Progress;
use crate::telemetry::RepeatedWarning;

/// Places for probes.
const FOR_PROBES: usize = 16;
/// File descriptors for the database, secrets, the listener, the runtime, and probes.
const RESERVE: usize = 64 + FOR_PROBES;
/// How long another place is waited for where one is about to be free: an idle connection
/// ends within a moment.
const WAIT_LIMIT: Duration = Duration::from_millis(250);

/// The place of one connection, until it is dropped.
pub(super) struct Place {
    for_all: OnceLock<OwnedSemaphorePermit>,
    /// Held while there is no other one.
    for_probes: Mutex<Option<OwnedSemaphorePermit>>,
    places: Arc<Places>,
    id: u64,
    progress: Arc<Progress>,
}

impl Place {
    /// What is known of its connection.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Whether nothing but probes is answered here.
    pub(super) fn is_for_probes(&self) -> bool {
        self.for_all.get().is_none()
    }

    /// Whether a request that is no probe may be answered; takes a place for it if need be.
    pub(super) async fn is_for_all(&self) -> bool {
        if !self.is_for_probes() {
            return true;
        }
        self.places.make_room();
        let free = Arc::clone(&self.places.for_all).acquire_owned();
        let Ok(Ok(permit)) = timeout(WAIT_LIMIT, free).await else { return false };
        let _ = self.for_all.set(permit);
        self.for_probes.lock().unwrap_or_else(PoisonError::into_inner).take();
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().remove(&self.id);
    }
}

/// The places of all connections.
pub(super) struct Places {
    for_all: Arc<Semaphore>,
    for_probes: Arc<Semaphore>,
    total: usize,
    open: Mutex<HashMap<u64, Arc<Progress>>>,
    next_id: AtomicU64,
    are_taken: RepeatedWarning,
}

impl Places {
    /// So many places, or as many as there are file descriptors for.
    pub(super) fn new(wanted: usize) -> Arc<Self> {
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
        Arc::new(Self {
            for_all: Arc::new(Semaphore::new(total)),
            for_probes: Arc::new(Semaphore::new(FOR_PROBES)),
            total,
            open: Mutex::default(),
            next_id: AtomicU64::default(),
            are_taken: RepeatedWarning::default(),
        })
    }

    /// A place for a connection that is there: one for probes if there is no other one.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        if let Some(place) = self.try_take() {
            return place;
        }
        if self.make_room() {
            let free = Arc::clone(&self.for_all).acquire_owned();
            if let Ok(Ok(permit)) = timeout(WAIT_LIMIT, free).await {
                return self.place(permit.into(), None);
            }
        } else if let Some(times) = self.are_taken.due() {
            let max_connections = self.total;
            tracing::warn!(
                max_connections,
                times,
                "all connections are in use; the next requests are answered with 503, but for probes"
            );
        }
        let never = "the semaphores are never closed";
        tokio::select! {
            biased;
            permit = Arc::clone(&self.for_probes).acquire_owned() => {
                self.place(OnceLock::new(), Some(permit.expect(never)))
            }
            permit = Arc::clone(&self.for_all).acquire_owned() => {
                self.place(permit.expect(never).into(), None)
            }
        }
    }

    /// A place for all requests, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.for_all).try_acquire_owned().ok()?;
        Some(self.place(permit.into(), None))
    }

    /// How many are taken, and how many there are.
    pub(super) fn open_and_total(&self) -> (usize, usize) {
        (self.total.saturating_sub(self.for_all.available_permits()), self.total)
    }

    fn place(
        self: &Arc<Self>,
        for_all: OnceLock<OwnedSemaphorePermit>,
        for_probes: Option<OwnedSemaphorePermit>,
    ) -> Place {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::<Progress>::default();
        self.open().insert(id, Arc::clone(&progress));
        Place {
            for_all,
            for_probes: Mutex::new(for_probes),
            places: Arc::clone(self),
            id,
            progress,
        }
    }

    /// Ends the connection that has been idle longest, if one is.
    fn make_room(&self) -> bool {
        let open = self.open();
        let idle = open.values().filter_map(|it| Some((it.idle().since()?, it)));
        let longest = idle.min_by_key(|(since, _)| *since);
        longest.map(|(_, progress)| progress.idle().ask_to_make_room()).is_some()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Progress>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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
