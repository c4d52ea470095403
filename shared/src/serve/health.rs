//! `/healthz` and `/readyz`, for the platform that runs the process over HTTP.

use std::{
    pin::Pin,
    sync::Arc,
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
use tokio_util::sync::CancellationToken;

use crate::{keys::Keys, secrets::SecretCache};

pub(super) const HEALTHZ: &str = "/healthz";
pub(super) const READYZ: &str = "/readyz";

/// A request for `/readyz` queries the database again if the last result is older.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// An older result is not reported.
const MAX_AGE: Duration = Duration::from_secs(2);
/// A database that takes longer to answer is unreachable.
const QUERY_TIMEOUT: Duration = Duration::from_millis(900);
/// How long `/readyz` waits for the database. Kubernetes allows the whole probe one second.
const READYZ_TIMEOUT: Duration = Duration::from_millis(300);

/// Queries a database. The future may be dropped.
pub type DatabaseProbe = Arc<dyn Fn() -> ProbeFuture + Send + Sync>;
type ProbeFuture = Pin<Box<dyn Future<Output = Result<(), ProbeError>> + Send>>;

/// A database cannot be used.
pub struct ProbeError {
    /// Whether it is within reach, but refuses the account or the statement.
    pub is_refusal: bool,
    /// For an operator, without any secret.
    pub reason: String,
}

#[derive(Clone)]
pub(super) struct Health {
    pub(super) keys: SecretCache<Keys>,
    /// Cancelled when draining begins: from then on `/readyz` is 503.
    pub(super) draining: CancellationToken,
    database: Option<DatabaseHealth>,
}

impl Health {
    pub(super) fn new(keys: SecretCache<Keys>, database: Option<DatabaseProbe>) -> Self {
        let database = database.map(DatabaseHealth::new);
        Self { keys, draining: CancellationToken::new(), database }
    }

    /// Fetches the keys and connects to the database, so that the first request need not.
    pub(super) async fn warm_up(&self) {
        let connect = self.clone().connect();
        let (keys, ()) = tokio::join!(self.keys.get(SystemTime::now()), connect);
        if let Err(error) = keys {
            tracing::warn!(%error, "the keys are not there yet");
        }
    }

    pub(super) async fn connect(self) {
        if let Some(database) = &self.database {
            database.query(true).await;
        }
    }

    pub(super) fn router(self) -> Router {
        let routes = Router::new().route(HEALTHZ, get(async || "ok"));
        routes.route(READYZ, get(readiness)).with_state(self)
    }
}

/// Ready even without the database: otherwise every instance would leave rotation at once, and
/// `login` answers 503 itself.
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
    // Starts a fetch if there are no keys: an instance that is not ready gets no other request.
    let has_keys = health.keys.is_ready(SystemTime::now());
    let (code, status) = match (health.draining.is_cancelled(), has_keys) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    let keys = if has_keys { "ok" } else { "unreachable" };
    let body = serde_json::to_string(&Readiness { status, keys, database });
    (code, [(CONTENT_TYPE, "application/json")], body.expect("texts are JSON"))
}

/// The state of the database, which is queried at the start and when `/readyz` is requested.
#[derive(Clone)]
struct DatabaseHealth {
    probe: DatabaseProbe,
    /// Locked during a query.
    in_flight: Arc<Mutex<()>>,
    /// The result of the last query, and when it began.
    last: watch::Sender<Option<(&'static str, Instant)>>,
}

impl DatabaseHealth {
    fn new(probe: DatabaseProbe) -> Self {
        Self { probe, in_flight: Arc::default(), last: watch::Sender::new(None) }
    }

    /// `ok`, `refused`, `unreachable` or `unknown`.
    async fn state(&self) -> &'static str {
        let mut last = self.last.subscribe();
        let is_new = |result: &Option<(&str, Instant)>| {
            result.is_some_and(|(_, begun)| begun.elapsed() < REFRESH_INTERVAL)
        };
        if !is_new(&last.borrow()) {
            self.start_query();
            let _ = timeout(READYZ_TIMEOUT, last.wait_for(is_new)).await;
        }
        let result = *last.borrow();
        result.filter(|(_, begun)| begun.elapsed() < MAX_AGE).map_or("unknown", |(state, _)| state)
    }

    /// One query at a time, on its own task: it may outlast the request.
    fn start_query(&self) {
        let Ok(in_flight) = Arc::clone(&self.in_flight).try_lock_owned() else { return };
        let database = self.clone();
        tokio::spawn(async move {
            database.query(false).await;
            drop(in_flight);
        });
    }

    /// Logs the reason when the state changes to `refused` or `unreachable`. At the start, only a
    /// refusal is logged: the process may be frozen before an answer can come.
    async fn query(&self, is_start: bool) {
        let begun = Instant::now();
        // After a freeze of the process, the answer may never come.
        let result = timeout(QUERY_TIMEOUT, (self.probe)()).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} ms", QUERY_TIMEOUT.as_millis());
            Err(ProbeError { is_refusal: false, reason })
        });
        let state = match &result {
            Ok(()) => "ok",
            Err(error) if error.is_refusal => "refused",
            Err(_) => "unreachable",
        };
        let last = self.last.send_replace(Some((state, begun)));
        if let Err(error) = result
            && last.is_none_or(|(last, _)| last != state)
            && (error.is_refusal || !is_start)
        {
            tracing::warn!(database = state, error = error.reason, "the database cannot be used");
        }
    }
}

/// That it follows a database that stops and starts is in tests/tests/connections.rs.
#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn many_probes_query_it_once_a_second_and_without_probes_it_is_not_queried() {
        let (hangs, times) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_hanging, count) = (Arc::clone(&hangs), Arc::clone(&times));
        let database = DatabaseHealth::new(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let hangs = is_hanging.load(Ordering::Relaxed);
            Box::pin(async move { if hangs { pending().await } else { Ok(()) } })
        }));
        for _ in 0..50 {
            assert_eq!(tokio::join!(database.state(), database.state()), ("ok", "ok"));
            sleep(SECOND / 10).await;
        }
        let queries = times.load(Ordering::Relaxed);
        assert!((4..=6).contains(&queries), "{queries} in 5 s");
        hangs.store(true, Ordering::Relaxed);
        sleep(60 * SECOND).await;
        assert_eq!(times.load(Ordering::Relaxed), queries);
        let since = Instant::now();
        assert_eq!(database.state().await, "unknown", "an old state is not reported");
        assert!(since.elapsed() <= READYZ_TIMEOUT, "{:?}", since.elapsed());
        sleep(SECOND).await;
        assert_eq!(database.state().await, "unreachable");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_panic_the_state_is_unknown_and_it_is_queried_again() {
        let panics = AtomicBool::new(true);
        let database = DatabaseHealth::new(Arc::new(move || {
            let panics = panics.swap(false, Ordering::Relaxed);
            Box::pin(async move { if panics { panic!("a defect") } else { Ok(()) } })
        }));
        assert_eq!([database.state().await, database.state().await], ["unknown", "ok"]);
    }
}
