//! One fetch, and those who wait for it.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, task::AbortHandle, time::timeout};

use super::age;

/// How long a request waits for a secret: less than a gateway waits for the request.
const WAIT_LIMIT: Duration = Duration::from_secs(3);
/// A fetch ends by itself before that, unless it was frozen on the way and what it waits
/// for will never come.
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
        Self { reason, began, task: task.abort_handle(), done }
    }

    /// Ready when the fetch has ended, one way or another, or has taken too long.
    pub(super) async fn wait(mut self) {
        // The other end never sends; its end is the signal.
        let _ = timeout(WAIT_LIMIT, self.done.changed()).await;
    }

    pub(super) fn is_overdue(&self, now: SystemTime) -> bool {
        age(self.began, now) > OVERDUE
    }

    pub(super) fn abort(&self) {
        self.task.abort();
    }
}
