//! One fetch, and those who wait for it.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::{self, AbortHandle},
    time::{Instant, timeout_at},
};

use super::state::age;

/// How long requests wait for a fetch, from its beginning: less than a gateway waits for
/// the request. Who comes later goes on at once.
const WAIT_LIMIT: Duration = Duration::from_secs(2);
/// A fetch ends by itself within 8 s, unless it was frozen on the way and what it waits for
/// will never come.
const OVERDUE: Duration = Duration::from_secs(10);

/// Why a secret is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It has grown old, or there is none.
    Age,
    /// It did not do, though it may be fresh.
    Demand,
}

/// A fetch under way.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) reason: Reason,
    pub(super) began: SystemTime,
    wait_until: Instant,
    task: AbortHandle,
    done: watch::Receiver<()>,
}

impl Attempt {
    /// On a task of its own: whoever began it may hang up.
    pub(super) fn begin(
        reason: Reason,
        began: SystemTime,
        fetch: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (under_way, done) = watch::channel(());
        let task = tokio::spawn(async move {
            fetch.await;
            drop(under_way);
        });
        let wait_until = Instant::now() + WAIT_LIMIT;
        Self { reason, began, wait_until, task: task.abort_handle(), done }
    }

    /// Ready when the fetch has ended, one way or another, or has taken too long; whether
    /// it has ended.
    pub(super) async fn wait(&mut self) -> bool {
        // The other end never sends; its end is the signal.
        timeout_at(self.wait_until, self.done.changed()).await.is_ok()
    }

    /// Whether it will still end by itself: it has not panicked, and was not frozen.
    pub(super) fn is_alive(&self, now: SystemTime) -> bool {
        !self.task.is_finished() && age(self.began, now) <= OVERDUE
    }

    /// Whether there is still a point in waiting for it, by the wall clock: the other one
    /// may have stood still meanwhile.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        age(self.began, now) <= WAIT_LIMIT
    }

    /// Whether the two are the same fetch.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.task.id() == other.task.id()
    }

    /// Whether it is the fetch of the running task.
    pub(super) fn is_own(&self) -> bool {
        Some(self.task.id()) == task::try_id()
    }

    pub(super) fn abort(&self) {
        self.task.abort();
    }
}
