//! How many connections may be open at once.
//!
//! Each is a file descriptor, and some must be left, such as for the database. At the limit, the
//! connection that has been idle longest makes room. A few connections more are for probes alone:
//! an instance whose clients take all others is busy, and not broken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::progress::{HEAD_LIMIT, Progress};
use crate::telemetry::{RepeatedWarning, metrics::set_connections};

/// Connections for probes.
const FOR_PROBES: usize = 16;
/// File descriptors for the database, secrets, the listener, the runtime, and probes.
const RESERVE: usize = 64 + FOR_PROBES;
/// How long a request waits for another connection to end, which an idle one does in a moment.
const WAIT_LIMIT: Duration = Duration::from_millis(250);
/// For the first head of a connection for probes.
const PROBE_HEAD_LIMIT: Duration = Duration::from_millis(500);

/// The limit, and the connections that are open.
pub(super) struct ConnectionLimit {
    total: usize,
    regular: Arc<Semaphore>,
    pub(super) for_probes: Arc<Semaphore>,
    /// By address, which is its own for as long as it is in here.
    open: Mutex<HashMap<usize, Arc<Progress>>>,
    exhausted: RepeatedWarning,
    /// Cancelled when all connections have to end.
    pub(super) close: CancellationToken,
}

impl ConnectionLimit {
    /// So many connections, or as many as there are file descriptors for.
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
            total,
            regular: Arc::new(Semaphore::new(total)),
            for_probes: Arc::new(Semaphore::new(FOR_PROBES)),
            open: Mutex::default(),
            exhausted: RepeatedWarning::default(),
            close: CancellationToken::new(),
        })
    }

    /// The permit of a connection; `None` if there is none for all requests.
    pub(super) fn regular(self: &Arc<Self>) -> Option<Permit> {
        let permit = Arc::clone(&self.regular).try_acquire_owned().ok()?;
        Some(self.permit(HEAD_LIMIT, permit.into(), None))
    }

    /// The same, which is for probes until a connection that was idle has made room.
    pub(super) fn for_probes(self: &Arc<Self>, probe: OwnedSemaphorePermit) -> Permit {
        if !self.make_room()
            && let Some(times) = self.exhausted.due()
        {
            let max_connections = self.total;
            tracing::warn!(
                max_connections,
                times,
                "all connections are in use; the next requests are answered with 503, but for probes"
            );
        }
        self.permit(PROBE_HEAD_LIMIT, OnceCell::new(), Some(probe))
    }

    /// Sets how many are open, and how many may be.
    pub(super) fn measure(&self) {
        let open = self.total.saturating_sub(self.regular.available_permits());
        set_connections(open, self.total);
    }

    fn permit(
        self: &Arc<Self>,
        first_head: Duration,
        regular: OnceCell<OwnedSemaphorePermit>,
        probe: Option<OwnedSemaphorePermit>,
    ) -> Permit {
        let progress = Progress::new(first_head, self.close.child_token());
        self.open().insert(Arc::as_ptr(&progress).addr(), Arc::clone(&progress));
        Permit { limit: Arc::clone(self), progress, regular, probe: Mutex::new(probe) }
    }

    /// Ends the connection that has been idle longest, if one is that is not ending already.
    fn make_room(&self) -> bool {
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

/// What a connection needs in order to be open.
pub(super) struct Permit {
    limit: Arc<ConnectionLimit>,
    pub(super) progress: Arc<Progress>,
    regular: OnceCell<OwnedSemaphorePermit>,
    /// Until there is a regular one.
    probe: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Permit {
    /// Waits until the permit is one for all requests.
    pub(super) async fn upgraded(&self) {
        let upgrade = async {
            let permit = acquire(&self.limit.regular).await;
            self.probe.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.progress.extend_head();
            permit
        };
        self.regular.get_or_init(|| upgrade).await;
    }

    /// Whether a request that is no probe may be answered, which it waits for a moment.
    pub(super) async fn is_for_all(&self) -> bool {
        if self.is_for_probes() {
            self.limit.make_room();
        }
        timeout(WAIT_LIMIT, self.upgraded()).await.is_ok()
    }

    /// Whether nothing but probes is answered.
    pub(super) fn is_for_probes(&self) -> bool {
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

/// Raises the limit of file descriptors as far as this process may, and gives it. The
/// usual 1,024 are for programs that use `select`.
fn raise_descriptors() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If that is forbidden, what there is has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
