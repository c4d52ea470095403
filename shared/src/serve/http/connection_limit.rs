//! The limit of open connections.
//!
//! Each takes a file descriptor, and the database needs some too. At the limit, the connection that
//! has been idle longest is closed. A few more connections are reserved for probes: an instance
//! whose clients use all others is busy, not broken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::gauge;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::connection::{HEADER_READ_TIMEOUT, Progress};
use crate::telemetry::{
    RepeatedWarning,
    metrics::{CONNECTIONS, CONNECTIONS_LIMIT},
};

/// Connections for probes.
const RESERVED_CONNECTIONS: usize = 16;
/// File descriptors for the database, secrets, the listener, the runtime, and probes.
const RESERVED_DESCRIPTORS: usize = 64 + RESERVED_CONNECTIONS;
/// How long a request waits until an idle connection is closed.
const UPGRADE_TIMEOUT: Duration = Duration::from_millis(250);
/// For the first head on a reserved connection.
const RESERVED_HEADER_READ_TIMEOUT: Duration = Duration::from_millis(500);

pub(super) struct ConnectionLimit {
    total: usize,
    pub(super) regular: Arc<Semaphore>,
    pub(super) reserved: Arc<Semaphore>,
    /// By the address of their `Progress`.
    open: Mutex<HashMap<usize, Arc<Progress>>>,
    exhausted: RepeatedWarning,
    /// Cancelled to close all connections.
    pub(super) close: CancellationToken,
}

impl ConnectionLimit {
    /// `wanted` connections, or as many as there are file descriptors for.
    pub(super) fn new(wanted: usize) -> Arc<Self> {
        // Up to the hard limit, if that is permitted: the usual 1,024 are for programs that use
        // `select`.
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let total = wanted.min(descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(1));
        if total < wanted {
            tracing::warn!(
                max_connections = total,
                configured = wanted,
                descriptors,
                "MAX_CONNECTIONS is more than there are file descriptors for (ulimit -Hn)"
            );
        }
        Arc::new(Self {
            total,
            regular: Arc::new(Semaphore::new(total)),
            reserved: Arc::new(Semaphore::new(RESERVED_CONNECTIONS)),
            open: Mutex::default(),
            exhausted: RepeatedWarning::default(),
            close: CancellationToken::new(),
        })
    }

    /// The permit of a new connection: for all requests, or at the limit for probes alone, until a
    /// connection that was idle is closed.
    pub(super) fn permit(self: &Arc<Self>) -> Permit {
        let regular = Arc::clone(&self.regular).try_acquire_owned().ok();
        if regular.is_none()
            && !self.close_idle()
            && let Some(times) = self.exhausted.due()
        {
            tracing::warn!(
                max_connections = self.total,
                times,
                "all connections are in use; the next requests are answered with 503, but for probes"
            );
        }
        let first_head =
            if regular.is_some() { HEADER_READ_TIMEOUT } else { RESERVED_HEADER_READ_TIMEOUT };
        let progress = Progress::new(first_head, self.close.child_token());
        self.open().insert(Arc::as_ptr(&progress).addr(), Arc::clone(&progress));
        Permit { limit: Arc::clone(self), progress, regular: OnceCell::new_with(regular) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and these are small")]
    pub(super) fn record(&self) {
        let open = self.total.saturating_sub(self.regular.available_permits());
        gauge!(CONNECTIONS).set(open as f64);
        gauge!(CONNECTIONS_LIMIT).set(self.total as f64);
    }

    /// Closes the connection that has been idle longest. `false` if none is idle.
    fn close_idle(&self) -> bool {
        let open = self.open();
        let open = open.values().filter(|progress| !progress.close.is_cancelled());
        let idle = open.filter_map(|progress| Some((progress.idle_since()?, progress)));
        let longest = idle.min_by_key(|(since, _)| *since);
        longest.map(|(_, progress)| progress.close.cancel()).is_some()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<usize, Arc<Progress>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Permit {
    limit: Arc<ConnectionLimit>,
    pub(super) progress: Arc<Progress>,
    /// Empty while it is for probes alone.
    regular: OnceCell<OwnedSemaphorePermit>,
}

impl Permit {
    /// Waits until it is for all requests.
    pub(super) async fn upgrade(&self) {
        let upgrade = async {
            let permit = acquire(&self.limit.regular).await;
            self.progress.extend_header_timeout();
            permit
        };
        self.regular.get_or_init(|| upgrade).await;
    }

    /// Whether it is for all requests, or becomes so in time.
    pub(super) async fn upgrade_in_time(&self) -> bool {
        if self.is_reserved() {
            self.limit.close_idle();
        }
        timeout(UPGRADE_TIMEOUT, self.upgrade()).await.is_ok()
    }

    /// Whether it is for probes alone.
    pub(super) fn is_reserved(&self) -> bool {
        !self.regular.initialized()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.open().remove(&Arc::as_ptr(&self.progress).addr());
    }
}

pub(super) async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("it is never closed")
}
