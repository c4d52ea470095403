//! Whether the database answers, asked while somebody wants to know, and only then.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Asks a database whether it answers. It may be dropped before it has an outcome.
pub type DatabaseProbe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What was found longer ago is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// What was found longer ago is not reported any more.
const MAX_AGE: Duration = Duration::from_secs(2);
/// A database that takes longer to answer is out of reach.
const PROBE_LIMIT: Duration = Duration::from_millis(900);
/// How long who wants to know is kept waiting: probes have a second in all.
const WAIT_LIMIT: Duration = Duration::from_millis(300);

/// The database, as far as it is known.
pub(super) struct Database {
    probe: DatabaseProbe,
    asking: AtomicBool,
    last: watch::Sender<Option<Finding>>,
}

#[derive(Clone, Copy)]
struct Finding {
    answers: bool,
    /// When it was asked: it may have changed as soon as then.
    asked: Instant,
}

impl Finding {
    fn is_younger(&self, than: Duration) -> bool {
        self.asked.elapsed() < than
    }
}

impl Database {
    pub(super) fn new(probe: DatabaseProbe) -> Self {
        Self { probe, asking: AtomicBool::new(false), last: watch::Sender::new(None) }
    }

    /// Asks it, for whoever wants it to be connected to. Not for long: a process that was
    /// frozen meanwhile may wait for what never comes, and the first request behind it.
    pub(super) async fn connect(&self) {
        let _ = timeout(PROBE_LIMIT, (self.probe)()).await;
    }

    /// Its state, in a word.
    pub(super) async fn state(self: &Arc<Self>) -> &'static str {
        let mut last = self.last.subscribe();
        let is_new = |found: &Option<Finding>| found.is_some_and(|it| it.is_younger(ASK_AGAIN));
        if !is_new(&last.borrow()) {
            self.ask();
            let _ = timeout(WAIT_LIMIT, last.wait_for(is_new)).await;
        }
        let found = *last.borrow();
        match found.filter(|it| it.is_younger(MAX_AGE)) {
            Some(Finding { answers: true, .. }) => "ok",
            Some(Finding { answers: false, .. }) => "unreachable",
            None => "unknown",
        }
    }

    /// One question at a time, on a task of its own: who wants to know may not wait for
    /// the answer.
    fn ask(self: &Arc<Self>) {
        if self.asking.swap(true, Ordering::Relaxed) {
            return;
        }
        let database = Arc::clone(self);
        tokio::spawn(async move {
            let asked = Instant::now();
            let probe = timeout(PROBE_LIMIT, (database.probe)());
            // On another one: a panic is a no, and not the end of asking.
            let answers = tokio::spawn(probe).await.is_ok_and(|answers| answers == Ok(true));
            database.last.send_replace(Some(Finding { answers, asked }));
            database.asking.store(false, Ordering::Relaxed);
        });
    }
}

#[cfg(test)]
mod tests;
