//! `GET /metrics`, for operators, on a port of its own that clients do not get to by accident.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{
        Method, Request, Response, StatusCode,
        header::{ALLOW, CONTENT_TYPE},
        request::Parts,
    },
    response::IntoResponse,
};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Server, accept, connection,
    connection_limit::acquire,
    progress::{HEAD_LIMIT, Progress},
};
use crate::telemetry::RepeatedWarning;

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Each Prometheus keeps one.
const MAX_CONNECTIONS: usize = 16;
/// What was measured is summed up, so that it does not pile up in memory between two scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Answers on `listener`, until it is dropped: to the end of the process, draining included.
pub(super) async fn serve(listener: TcpListener, handle: PrometheusHandle, server: Arc<Server>) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening for metrics");
    }
    let scrape = Arc::new(Mutex::new(handle.clone()));
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
            let (scrape, server) = (Arc::clone(&scrape), Arc::clone(&server));
            tokio::spawn(async move {
                let progress = Progress::new(HEAD_LIMIT, CancellationToken::new());
                let answer = async |request: Request<Incoming>| {
                    let (head, body) = request.into_parts();
                    connection::discard(body, &head.headers, &progress);
                    answer(&head, &scrape, &server)
                };
                connection::serve(stream, &progress, answer).await;
                drop(permit);
            });
        }
    };
    tokio::join!(upkeep, connections);
}

fn answer(request: &Parts, scrape: &Mutex<PrometheusHandle>, server: &Server) -> Response<Body> {
    match (request.uri.path(), &request.method) {
        ("/metrics", &Method::GET | &Method::HEAD) => {
            // Gauges are set and read by one at a time.
            let handle = scrape.lock().unwrap_or_else(PoisonError::into_inner);
            server.service.set_ages();
            server.service.set_keys();
            server.limit.measure();
            ([(CONTENT_TYPE, TEXT)], handle.render()).into_response()
        }
        ("/metrics", _) => {
            let allow = [(ALLOW, "GET, HEAD")];
            (StatusCode::METHOD_NOT_ALLOWED, allow, "method not allowed").into_response()
        }
        _ => (StatusCode::NOT_FOUND, "not found").into_response(),
    }
}
