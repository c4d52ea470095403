//! `GET /metrics`, on a port of its own: it is for operators, and clients do not get there by
//! accident.

use std::{sync::Arc, time::Duration};

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
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Server, accept, connection,
    progress::{HEAD_LIMIT, Progress},
};
use crate::telemetry::{
    RepeatedWarning,
    metrics::{Scrape, set_connections},
};

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Each Prometheus keeps one.
const MAX_CONNECTIONS: usize = 16;
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Answers on `listener`, until it is dropped: to the end of the process, draining included.
pub(super) async fn serve(listener: TcpListener, scrape: Scrape, server: Arc<Server>) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening for metrics");
    }
    let scrape = Arc::new(scrape);
    let upkeep = async {
        loop {
            sleep(UPKEEP_INTERVAL).await;
            scrape.sum_up();
        }
    };
    let connections = async {
        let (permits, failed) =
            (Arc::new(Semaphore::new(MAX_CONNECTIONS)), RepeatedWarning::default());
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
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
    tokio::select! {
        () = connections => {}
        () = upkeep => {}
    }
}

fn answer(request: &Parts, scrape: &Scrape, server: &Server) -> Response<Body> {
    match (request.uri.path(), &request.method) {
        ("/metrics", &Method::GET | &Method::HEAD) => {
            let text = scrape.text(|| {
                server.service.set_ages();
                server.service.set_keys();
                let (open, total) = server.limit.open_and_total();
                set_connections(open, total);
            });
            ([(CONTENT_TYPE, TEXT)], text).into_response()
        }
        ("/metrics", _) => {
            let allow = [(ALLOW, "GET, HEAD")];
            (StatusCode::METHOD_NOT_ALLOWED, allow, "method not allowed").into_response()
        }
        _ => (StatusCode::NOT_FOUND, "not found").into_response(),
    }
}
