//! How long a client may take until its next head is there.
//!
//! hyper has one limit for it, which runs while nothing comes as well as while a head
//! comes byte by byte. A kept connection may be idle for long, but a head that has begun
//! may not take as long: this timer shortens hyper's limit once something has come.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant as StdInstant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time::{self, Instant};

use super::socket::Progress;

/// From the first byte of a head to its last; for the first head of a connection, from
/// the moment that it was accepted.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// Gives hyper its limits on one connection.
pub(super) struct HeadTimer {
    progress: Arc<Progress>,
    is_new: AtomicBool,
    limit: Arc<Limit>,
}

impl HeadTimer {
    /// With so much time for the first head.
    pub(super) fn new(progress: Arc<Progress>, first: Duration) -> Self {
        let limit = Arc::new(Limit::new(Instant::now() + first));
        Self { progress, is_new: AtomicBool::new(true), limit }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    /// hyper calls this whenever it begins to wait for a head, and for nothing else. Of a
    /// head that was sent right behind the request before, nothing counts that came
    /// before this: it is idle until more comes.
    fn sleep_until(&self, idle_limit: StdInstant) -> Pin<Box<dyn Sleep>> {
        self.progress.reset();
        let has_begun = self.is_new.swap(false, Ordering::Relaxed);
        if !has_begun {
            self.progress.idle().begins(idle_limit);
            self.limit.set(Instant::from_std(idle_limit));
        }
        let (progress, limit) = (Arc::clone(&self.progress), Arc::clone(&self.limit));
        Box::pin(HeadSleep { has_begun, progress, limit })
    }

    fn now(&self) -> StdInstant {
        Instant::now().into_std()
    }
}

/// The one timer of a connection. A new one for each request would enter the list of all
/// timers, which the cores share, and leave it again; this one is moved on where it is, since
/// a limit is nearly always later than the one before.
struct Limit(Mutex<Pin<Box<time::Sleep>>>);

impl Limit {
    fn new(limit: Instant) -> Self {
        Self(Mutex::new(Box::pin(time::sleep_until(limit))))
    }

    fn set(&self, limit: Instant) {
        self.sleep().as_mut().reset(limit);
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.sleep().as_mut().poll(context)
    }

    fn sleep(&self) -> MutexGuard<'_, Pin<Box<time::Sleep>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct HeadSleep {
    has_begun: bool,
    progress: Arc<Progress>,
    limit: Arc<Limit>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// hyper asks after each read.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.progress.has_begun() {
            self.has_begun = true;
            self.limit.set(Instant::now() + HEAD_LIMIT);
        }
        self.limit.poll(context)
    }
}
