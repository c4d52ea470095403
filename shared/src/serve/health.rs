//! `/healthz` and `/readyz`, for whoever runs the process over HTTP.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
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

use crate::{keys::Keys, secrets::SecretCache};

/// Asks a database whether it answers; the outcome is kept, never waited for.
pub type DatabaseProbe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

pub(super) const HEALTHZ: &str = "/healthz";
pub(super) const READYZ: &str = "/readyz";

/// How often the database is asked while somebody reads `/readyz`.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What the two paths report.
#[derive(Clone)]
pub struct Health {
    keys: SecretCache<Keys>,
    draining: Arc<AtomicBool>,
    database: Option<Arc<Database>>,
}

struct Database {
    probe: DatabaseProbe,
    state: AtomicU8,
    asking: AtomicBool,
}

const UNKNOWN: u8 = 0;
const OK: u8 = 1;
const UNREACHABLE: u8 = 2;

impl Health {
    /// The health of a function with these dependencies.
    #[must_use]
    pub fn new(keys: SecretCache<Keys>, database: Option<DatabaseProbe>) -> Self {
        let database = database.map(|probe| {
            let (state, asking) = (AtomicU8::new(UNKNOWN), AtomicBool::new(false));
            Arc::new(Database { probe, state, asking })
        });
        Self { keys, draining: Arc::default(), database }
    }

    /// Fetches what is not there yet, and connects, so that the first request finds it.
    pub(super) async fn warm_up(&self) {
        let database = async {
            if let Some(database) = &self.database {
                (database.probe)().await;
            }
        };
        let (keys, ()) = tokio::join!(self.keys.get(SystemTime::now()), database);
        if let Err(error) = keys {
            tracing::warn!(%error, "the keys are not there yet");
        }
    }

    /// From now on `/readyz` is 503: no new requests, please.
    pub(super) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The two paths.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route(HEALTHZ, get(|| async { "ok" }))
            .route(READYZ, get(readiness))
            .with_state(self)
    }
}

/// The body of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    keys: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'static str>,
}

/// A dead database does not make a function unready: to take every instance out of
/// rotation at once would help nobody, and `login` answers 503 itself.
async fn readiness(State(health): State<Health>) -> impl IntoResponse {
    let database = health.database.as_ref().map(|database| {
        ask(database);
        match database.state.load(Ordering::Relaxed) {
            OK => "ok",
            UNREACHABLE => "unreachable",
            _ => "unknown",
        }
    });
    // Where there are no keys, nobody but who asks here may come to have them fetched.
    let has_keys = health.keys.is_filled(SystemTime::now());
    let (code, status) = match (health.draining.load(Ordering::Relaxed), has_keys) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    let keys = if has_keys { "ok" } else { "unreachable" };
    let body = serde_json::to_string(&Readiness { status, keys, database });
    (code, [(CONTENT_TYPE, "application/json")], body.expect("texts are JSON"))
}

/// Asks in the background, one question at a time: a probe has but milliseconds.
fn ask(database: &Arc<Database>) {
    if database.asking.swap(true, Ordering::Relaxed) {
        return;
    }
    let database = Arc::clone(database);
    tokio::spawn(async move {
        // On a task of its own: a panic is a no, and not the end of asking.
        let answers = tokio::spawn((database.probe)()).await.unwrap_or(false);
        let state = if answers { OK } else { UNREACHABLE };
        database.state.store(state, Ordering::Relaxed);
        tokio::time::sleep(PROBE_INTERVAL).await;
        database.asking.store(false, Ordering::Relaxed);
    });
}
