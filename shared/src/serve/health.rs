//! `/healthz` and `/readyz`, for the platform that runs the process over HTTP.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use serde::Serialize;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};

use crate::{keys::Keys, secrets::SecretCache};

pub(super) const HEALTHZ: &str = "/healthz";
pub(super) const READYZ: &str = "/readyz";

/// What was found longer ago is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// What was found longer ago is not reported any more.
const MAX_AGE: Duration = Duration::from_secs(2);
/// A database that takes longer to answer is out of reach.
const PROBE_LIMIT: Duration = Duration::from_millis(900);
/// How long a probe is kept waiting: it has a second in all.
const WAIT_LIMIT: Duration = Duration::from_millis(300);

/// Asks a database whether it answers. It may be dropped before it has an outcome.
pub type DatabaseProbe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What the two paths report.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) keys: SecretCache<Keys>,
    draining: Arc<AtomicBool>,
    database: Option<Arc<Database>>,
}

impl Health {
    pub(super) fn new(keys: SecretCache<Keys>, database: Option<DatabaseProbe>) -> Self {
        let database = database.map(Database::new).map(Arc::new);
        Self { keys, draining: Arc::default(), database }
    }

    /// Fetches what is not there yet, and connects, so that the first request finds it.
    pub(super) async fn warm_up(&self) {
        let connect = self.clone().connect();
        let (keys, ()) = tokio::join!(self.keys.get(SystemTime::now()), connect);
        if let Err(error) = keys {
            tracing::warn!(%error, "the keys are not there yet");
        }
    }

    /// Connects to the database, if there is one and it is within reach.
    pub(super) async fn connect(self) {
        if let Some(database) = &self.database {
            // Not for long: in a process that was frozen meanwhile the answer may never come.
            let _ = timeout(PROBE_LIMIT, (database.probe)()).await;
        }
    }

    /// From now on `/readyz` is 503: no new requests, please.
    pub(super) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The two paths.
    pub(super) fn router(self) -> Router {
        let routes = Router::new().route(HEALTHZ, get(async || "ok"));
        routes.route(READYZ, get(readiness)).with_state(self)
    }
}

/// Whether requests should come here. Without its database a function is ready: otherwise every
/// instance would be out of rotation at once, and `login` answers 503 itself.
async fn readiness(State(health): State<Health>) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Readiness {
        status: &'static str,
        keys: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        database: Option<&'static str>,
    }

    let database = match &health.database {
        Some(database) => Some(database.state().await),
        None => None,
    };
    // Where there are no keys, this may be the only request that has them fetched.
    let has_keys = health.keys.is_ready(SystemTime::now());
    let (code, status) = match (health.is_draining(), has_keys) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    let keys = if has_keys { "ok" } else { "unreachable" };
    let body = serde_json::to_string(&Readiness { status, keys, database });
    (code, [(CONTENT_TYPE, "application/json")], body.expect("texts are JSON"))
}

/// The database, as far as it is known: it is asked for the sake of a probe, and only then.
struct Database {
    probe: DatabaseProbe,
    /// Held while it is asked.
    asking: Arc<Mutex<()>>,
    /// Whether it answered, and when it was asked.
    last: watch::Sender<Option<(bool, Instant)>>,
}

impl Database {
    fn new(probe: DatabaseProbe) -> Self {
        Self { probe, asking: Arc::default(), last: watch::Sender::new(None) }
    }

    /// Its state, in a word.
    async fn state(&self) -> &'static str {
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

/// How it follows a database that comes and goes is in tests/tests/connections.rs.
#[cfg(test)]
mod tests {
    use std::{future::pending, sync::atomic::AtomicUsize};

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_once_a_second_by_many_probes_and_never_without_one() {
        let (hangs, times) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_hanging, count) = (Arc::clone(&hangs), Arc::clone(&times));
        let database = Database::new(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let hangs = is_hanging.load(Ordering::Relaxed);
            Box::pin(async move { if hangs { pending().await } else { true } })
        }));
        for _ in 0..50 {
            assert_eq!(tokio::join!(database.state(), database.state()), ("ok", "ok"));
            sleep(SECOND / 10).await;
        }
        let asked = times.load(Ordering::Relaxed);
        assert!((4..=6).contains(&asked), "{asked} times in 5 s");
        hangs.store(true, Ordering::Relaxed);
        sleep(60 * SECOND).await;
        assert_eq!(times.load(Ordering::Relaxed), asked);
        let since = Instant::now();
        assert_eq!(database.state().await, "unknown", "an old state is not reported");
        assert!(since.elapsed() <= WAIT_LIMIT, "{:?}", since.elapsed());
        sleep(SECOND).await;
        assert_eq!(database.state().await, "unreachable");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_unknown_and_it_is_asked_again() {
        let panics = AtomicBool::new(true);
        let database = Database::new(Arc::new(move || {
            let panics = panics.swap(false, Ordering::Relaxed);
            Box::pin(async move { if panics { panic!("a defect") } else { true } })
        }));
        assert_eq!([database.state().await, database.state().await], ["unknown", "ok"]);
    }
}
