//! A connection between two requests, which can be asked to make room for another one.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;

/// Times are nanoseconds since then; 0 is none.
static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Since when a connection has been idle, if it is.
#[derive(Debug, Default)]
pub(super) struct Idle {
    since: AtomicU64,
    make_room: Notify,
}

impl Idle {
    /// It is from now on.
    pub(super) fn begins(&self, now: Instant) {
        let since = now.saturating_duration_since(*BASE).as_nanos();
        self.since.store(u64::try_from(since).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// Something has come.
    pub(super) fn is_over(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Since when, on a scale of its own.
    pub(super) fn since(&self) -> Option<u64> {
        Some(self.since.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// Asks it to end, once.
    pub(super) fn ask_to_make_room(&self) {
        self.is_over();
        self.make_room.notify_one();
    }

    /// Waits until it is asked to.
    pub(super) async fn is_asked_to_make_room(&self) {
        self.make_room.notified().await;
    }
}
