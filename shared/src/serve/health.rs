//! `/healthz` and `/readyz`, for the platform that runs the process over HTTP.

use std::{
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

use crate::{
    keys::Keys,
    secrets::SecretCache,
    telemetry::{HealthCheck, HealthError},
};

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

#[derive(Clone)]
pub(super) struct Health {
    pub(super) keys: SecretCache<Keys>,
    /// Cancelled when draining begins: from then on `/readyz` is 503.
    pub(super) draining: CancellationToken,
    /// Queried at the start, and when `/readyz` is requested.
    database: Option<Arc<dyn HealthCheck>>,
    /// Locked during a query.
    in_flight: Arc<Mutex<()>>,
    /// The result of the last query, and when it began.
    last: watch::Sender<Option<(&'static str, Instant)>>,
}

impl Health {
    pub(super) fn new(keys: SecretCache<Keys>, database: Option<Arc<dyn HealthCheck>>) -> Self {
        let (draining, last) = (CancellationToken::new(), watch::Sender::new(None));
        Self { keys, draining, database, in_flight: Arc::default(), last }
    }

    /// The state of the database: `ok`, `refused`, `unreachable` or `unknown`.
    async fn database(&self) -> Option<&'static str> {
        self.database.as_ref()?;
        let mut last = self.last.subscribe();
        let is_new = |result: &Option<(&str, Instant)>| {
            result.is_some_and(|(_, begun)| begun.elapsed() < REFRESH_INTERVAL)
        };
        if !is_new(&last.borrow()) {
            // One query at a time, on its own task: it may outlast the request.
            if let Ok(in_flight) = Arc::clone(&self.in_flight).try_lock_owned() {
                let health = self.clone();
                tokio::spawn(async move {
                    health.query(false).await;
                    drop(in_flight);
                });
            }
            let _ = timeout(READYZ_TIMEOUT, last.wait_for(is_new)).await;
        }
        let result = *last.borrow();
        let recent = result.filter(|(_, begun)| begun.elapsed() < MAX_AGE);
        Some(recent.map_or("unknown", |(state, _)| state))
    }

    /// Queries the database, and logs the reason when the state changes to `refused` or `unreachable`.
    /// At the start, only a refusal is logged: the process may be frozen before an answer can come.
    pub(super) async fn query(&self, is_start: bool) {
        let Some(database) = &self.database else { return };
        let begun = Instant::now();
        // After a freeze of the process, the answer may never come.
        let result = timeout(QUERY_TIMEOUT, database.check()).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} ms", QUERY_TIMEOUT.as_millis());
            Err(HealthError { is_refusal: false, reason })
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

    let database = health.database().await;
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

/// That it follows a database that stops and starts is in tests/tests/connections.rs.
#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    };

    use async_trait::async_trait;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[derive(Default)]
    struct Store {
        checks: AtomicUsize,
        hangs: AtomicBool,
    }

    #[async_trait]
    impl HealthCheck for Store {
        async fn check(&self) -> Result<(), HealthError> {
            assert_ne!(self.checks.fetch_add(1, Relaxed), 0, "a defect, in the first check alone");
            if self.hangs.load(Relaxed) { pending().await } else { Ok(()) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_probes_query_it_once_a_second_even_after_a_panic_and_otherwise_it_is_not_queried()
    {
        let store = Arc::new(Store::default());
        let keys = Keys::read(&"a key that this test never uses, of 32 bytes".into()).unwrap();
        let health = Health::new(Arc::new(keys).into(), Some(store.clone()));
        assert_eq!(health.database().await, Some("unknown"), "after a panic");
        for _ in 0..50 {
            let states = tokio::join!(health.database(), health.database());
            assert_eq!(states, (Some("ok"), Some("ok")));
            sleep(SECOND / 10).await;
        }
        let queries = store.checks.load(Relaxed);
        assert!((5..=7).contains(&queries), "{queries} in 5 s, with the one that panicked");
        store.hangs.store(true, Relaxed);
        sleep(60 * SECOND).await;
        assert_eq!(store.checks.load(Relaxed), queries);
        let since = Instant::now();
        assert_eq!(health.database().await, Some("unknown"), "an old state is not reported");
        assert!(since.elapsed() <= READYZ_TIMEOUT, "{:?}", since.elapsed());
        sleep(SECOND).await;
        assert_eq!(health.database().await, Some("unreachable"));
    }
}
