//! How long a client may take until its next head is there.
//!
//! hyper has one limit for it, which runs while nothing comes as well as while a head
//! comes byte by byte. A kept connection may be idle for long, but a head that has begun
//! may not take as long: this timer shortens hyper's limit once something has come.

use std::{
    pin::Pin,
    sync::{
        Arc,
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
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// Gives hyper its limits on one connection.
pub(super) struct HeadTimer {
    progress: Arc<Progress>,
    is_new: AtomicBool,
}

impl HeadTimer {
    pub(super) fn new(progress: Arc<Progress>) -> Self {
        Self { progress, is_new: AtomicBool::new(true) }
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
        let limit =
            if has_begun { Instant::now() + HEAD_LIMIT } else { Instant::from_std(idle_limit) };
        let progress = Arc::clone(&self.progress);
        Box::pin(HeadSleep { sleep: Box::pin(time::sleep_until(limit)), has_begun, progress })
    }

    fn now(&self) -> StdInstant {
        Instant::now().into_std()
    }
}

struct HeadSleep {
    sleep: Pin<Box<time::Sleep>>,
    has_begun: bool,
    progress: Arc<Progress>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// hyper asks after each read.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.progress.has_begun() {
            self.has_begun = true;
            self.sleep.as_mut().reset(Instant::now() + HEAD_LIMIT);
        }
        self.sleep.as_mut().poll(context)
    }
}
