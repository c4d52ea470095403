//! `GET /metrics`, on a port of its own: what is on it is for operators, and nobody who
//! may send requests gets there by accident.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderValue, Method, Request, Response, StatusCode,
        header::{ALLOW, CONTENT_TYPE},
    },
};
use hyper::body::Incoming;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    ACCEPT_PAUSE,
    connection::{self, Answer},
    head_timer::HEAD_LIMIT,
    places::Places,
    socket::Progress,
};
use crate::telemetry::{
    RepeatedWarning,
    metrics::{Gauges, Scrape},
};

const PATH: &str = "/metrics";
/// Prometheus' text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// Each Prometheus keeps one.
const MAX_CONNECTIONS: usize = 16;
const SUM_UP_EVERY: Duration = Duration::from_secs(5);

/// What is answered, and from what.
#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) scrape: Arc<Scrape>,
    pub(super) gauges: Gauges,
    pub(super) places: Arc<Places>,
}

impl Metrics {
    /// Answers on `listener`, until it is dropped: to the end of the process, draining
    /// included.
    pub(super) async fn serve(self, listener: TcpListener) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening for metrics");
        }
        let upkeep = async {
            let mut interval = interval(SUM_UP_EVERY);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                self.scrape.sum_up();
            }
        };
        tokio::select! {
            () = self.accept(&listener) => {}
            () = upkeep => {}
        }
    }

    async fn accept(&self, listener: &TcpListener) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let (close, failed) = (watch::Sender::new(()), RepeatedWarning::default());
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if let Some(times) = failed.due() {
                        tracing::warn!(%error, times, "no connection for metrics was accepted");
                    }
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (server, progress) = (self.clone(), Arc::default());
            let connection =
                connection::serve(stream, server, progress, HEAD_LIMIT, close.subscribe());
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
        if request.uri().path() != PATH {
            return refusal(StatusCode::NOT_FOUND, "not found");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            response.headers_mut().insert(ALLOW, METHODS);
            return response;
        }
        let text = self.scrape.text(&self.gauges, self.places.open_and_total());
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    }
}

impl Answer for Metrics {
    async fn answer(&self, request: Request<Incoming>, progress: Arc<Progress>) -> Response<Body> {
        progress.reset();
        self.respond(&request)
    }
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
