//! Whether the database answers, which is asked for the sake of a probe, and only then.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
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
/// How long a probe is kept waiting: it has a second in all.
const WAIT_LIMIT: Duration = Duration::from_millis(300);

/// The database, as far as it is known.
pub(super) struct Database {
    probe: DatabaseProbe,
    /// Held while it is asked.
    asking: Arc<Mutex<()>>,
    /// Whether it answered, and when it was asked: it may have changed as soon as then.
    last: watch::Sender<Option<(bool, Instant)>>,
}

impl Database {
    pub(super) fn new(probe: DatabaseProbe) -> Self {
        Self { probe, asking: Arc::default(), last: watch::Sender::new(None) }
    }

    /// Asks it, so that it is connected to. Not for long: a process that was frozen meanwhile may
    /// wait for what never comes, and the first request behind it.
    pub(super) async fn connect(&self) {
        let _ = timeout(PROBE_LIMIT, (self.probe)()).await;
    }

    /// Its state, in a word.
    pub(super) async fn state(&self) -> &'static str {
        let mut last = self.last.subscribe();
        let is_new = |found: &Option<(bool, Instant)>| {
            found.is_some_and(|(_, asked)| asked.elapsed() < ASK_AGAIN)
        };
        if !is_new(&last.borrow()) {
            self.ask();
            let _ = timeout(WAIT_LIMIT, last.wait_for(is_new)).await;
        }
        let found = *last.borrow();
        match found.filter(|(_, asked)| asked.elapsed() < MAX_AGE) {
            Some((true, _)) => "ok",
            Some((false, _)) => "unreachable",
            None => "unknown",
        }
    }

    /// One question at a time, on a task of its own: a probe may not wait for the answer.
    fn ask(&self) {
        let Ok(asking) = Arc::clone(&self.asking).try_lock_owned() else { return };
        let (answer, last) = (timeout(PROBE_LIMIT, (self.probe)()), self.last.clone());
        tokio::spawn(async move {
            let asked = Instant::now();
            let answers = answer.await == Ok(true);
            last.send_replace(Some((answers, asked)));
            drop(asking);
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

    use std::{
        future::pending,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[derive(Clone, Copy, PartialEq)]
    enum Behaviour {
        Answers,
        Refuses,
        Hangs,
        Panics,
    }

    /// A database, what changes its behaviour, and how often it was asked.
    fn database(first: Behaviour) -> (Arc<Database>, watch::Sender<Behaviour>, Arc<AtomicUsize>) {
        let (behaviour, now) = watch::channel(first);
        let times = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&times);
        let probe: DatabaseProbe = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let behaviour = *now.borrow();
            Box::pin(async move {
                match behaviour {
                    Behaviour::Answers => true,
                    Behaviour::Refuses => false,
                    Behaviour::Hangs => pending().await,
                    Behaviour::Panics => panic!("on purpose"),
                }
            })
        });
        (Arc::new(Database::new(probe)), behaviour, times)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_probe_is_told_and_a_database_that_hangs_is_unreachable_after_a_second() {
        for (behaviour, first, later) in [
            (Behaviour::Answers, "ok", "ok"),
            (Behaviour::Refuses, "unreachable", "unreachable"),
            (Behaviour::Panics, "unknown", "unknown"),
            (Behaviour::Hangs, "unknown", "unreachable"),
        ] {
            let (database, ..) = database(behaviour);
            let since = Instant::now();
            assert_eq!(database.state().await, first);
            assert!(since.elapsed() <= WAIT_LIMIT);
            sleep(SECOND - since.elapsed()).await;
            assert_eq!(database.state().await, later);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_once_a_second_by_many_probes_and_never_without_one() {
        let (database, behaviour, times) = database(Behaviour::Answers);
        for _ in 0..50 {
            assert_eq!(tokio::join!(database.state(), database.state()), ("ok", "ok"));
            sleep(SECOND / 10).await;
        }
        let asked = times.load(Ordering::Relaxed);
        assert!((4..=6).contains(&asked), "{asked} times in 5 s");
        behaviour.send_replace(Behaviour::Hangs);
        sleep(60 * SECOND).await;
        assert_eq!(times.load(Ordering::Relaxed), asked);
        assert_eq!(database.state().await, "unknown", "an old state is not reported");
    }
}
