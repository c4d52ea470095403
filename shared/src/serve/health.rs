//! `/healthz` and `/readyz`, for the platform that runs the process over HTTP.

mod database;

pub use database::DatabaseProbe;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
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
use database::Database;

pub(super) const HEALTHZ: &str = "/healthz";
pub(super) const READYZ: &str = "/readyz";

/// What the two paths report.
#[derive(Clone)]
pub(super) struct Health {
    keys: SecretCache<Keys>,
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
            database.connect().await;
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
        let alive = get(async || "ok");
        Router::new().route(HEALTHZ, alive).route(READYZ, get(readiness)).with_state(self)
    }
}

/// Whether requests should come here.
///
/// A dead database does not make a function unready: that would take every instance out of
/// rotation at once, and `login` answers 503 itself.
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
    let has_keys = health.keys.is_filled(SystemTime::now());
    let (code, status) = match (health.is_draining(), has_keys) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, true) => (StatusCode::OK, "ready"),
    };
    let keys = if has_keys { "ok" } else { "unreachable" };
    let body = serde_json::to_string(&Readiness { status, keys, database });
    (code, [(CONTENT_TYPE, "application/json")], body.expect("texts are JSON"))
}
