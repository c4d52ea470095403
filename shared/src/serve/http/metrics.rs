//! `GET /metrics`, for operators, on its own port, which is not exposed to clients.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Server, accept, call,
    connection::{self, HEADER_READ_TIMEOUT, Progress},
    connection_limit::acquire,
};
use crate::{
    respond::refuse_others,
    telemetry::{
        RepeatedWarning,
        metrics::{KEY_INFO, label},
    },
};

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Each Prometheus server keeps one.
const MAX_CONNECTIONS: usize = 16;
/// Bounds the time series: a key set may have hundreds of keys, one in use has a few.
const MAX_KEYS: usize = 32;
/// Between two scrapes, recorded values are summed up, so that they do not use up memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves on `listener` until this future is dropped.
pub(super) async fn serve(listener: TcpListener, handle: PrometheusHandle, server: Arc<Server>) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening for metrics");
    }
    let scraped = Arc::new(Mutex::new(handle.clone()));
    let scrape = async move || {
        // One scrape at a time sets the gauges and reads them.
        let handle = scraped.lock().unwrap_or_else(PoisonError::into_inner);
        server.service.record_secret_ages();
        let keys = server.service.health.keys.peek();
        for key in keys.iter().flat_map(|keys| keys.iter()).take(MAX_KEYS) {
            let kid = label(key.id.as_deref().unwrap_or_default());
            gauge!(KEY_INFO, "kid" => kid, "alg" => key.alg()).set(1);
        }
        server.limit.record();
        ([(CONTENT_TYPE, TEXT)], handle.render())
    };
    let router = refuse_others(Router::new().route("/metrics", get(scrape)), "GET, HEAD");
    let upkeep = async {
        loop {
            sleep(UPKEEP_INTERVAL).await;
            handle.run_upkeep();
        }
    };
    let connections = async {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let failed = RepeatedWarning::default();
        loop {
            let permit = acquire(&permits).await;
            let (stream, _) = accept(&listener, &failed).await;
            let router = router.clone();
            tokio::spawn(async move {
                let progress = Progress::new(HEADER_READ_TIMEOUT, CancellationToken::new());
                connection::serve(stream, &progress, |request| call(&router, request)).await;
                drop(permit);
            });
        }
    };
    tokio::join!(upkeep, connections);
}
