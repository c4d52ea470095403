//! A function behind either door: what answers, and the line and the count that each
//! request leaves.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use tokio::time::timeout;
use tower::ServiceExt;

use super::Health;
use crate::{
    respond::{Cause, Refusal, refused},
    secrets::Secrets,
    telemetry::{RequestCounts, RequestLog, metrics::Gauges},
};

/// A function that is ready for requests.
#[derive(Clone)]
pub struct Service {
    router: Router,
    pub(super) health: Health,
    pub(super) gauges: Gauges,
    pub(super) told_peers: bool,
    counts: RequestCounts,
}

impl Service {
    /// A service that answers with `router`, and whose dependencies are those of `health`.
    #[must_use]
    pub fn new(router: Router, health: Health) -> Self {
        let gauges = Gauges::new(health.keys(), Secrets::default());
        Self { router, health, gauges, told_peers: false, counts: RequestCounts::default() }
    }

    /// The same, whose metrics say how old the secrets are that `secrets` has fetched.
    #[must_use]
    pub fn watching(mut self, secrets: Secrets) -> Self {
        self.gauges = Gauges::new(self.health.keys(), secrets);
        self
    }

    /// The same, whose requests over HTTP have a [`PeerAddress`](crate::client_address::PeerAddress) among their extensions.
    #[must_use]
    pub fn told_peers(self) -> Self {
        Self { told_peers: true, ..self }
    }

    /// The same, which answers below this path as well. Its log has the whole path.
    pub(super) fn below(mut self, base_path: Option<&str>) -> Self {
        if let Some(base_path) = base_path {
            let router = Router::new().nest_service(base_path, self.router.clone());
            self.router = router.fallback_service(self.router);
        }
        self
    }

    /// The same, with its requests counted.
    pub(super) fn counted(self, counts: RequestCounts) -> Self {
        Self { counts, ..self }
    }

    /// Answers one request, and logs it.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let log = RequestLog::start(&request, &self.counts);
        let response = call(&self.router, request).await;
        log.finish(&response);
        response
    }

    /// Refuses one request with 503, and logs it.
    pub(super) fn refuse(&self, request: &Request<Body>, reason: &'static str) -> Response<Body> {
        let log = RequestLog::start(request, &self.counts);
        let response = refused(Refusal::ServiceUnavailable, Cause::new(reason), request.headers());
        log.finish(&response);
        response
    }

    /// The same, or 503 if there is no answer within `limit`.
    pub(super) async fn answer_within(
        &self,
        limit: Duration,
        request: Request<Body>,
    ) -> Response<Body> {
        let log = RequestLog::start(&request, &self.counts);
        let headers = request.headers().clone();
        let answer = timeout(limit, call(&self.router, request)).await;
        let late =
            |_| refused(Refusal::ServiceUnavailable, Cause::new("no answer in time"), &headers);
        let response = answer.unwrap_or_else(late);
        log.finish(&response);
        response
    }
}

pub(super) async fn call(router: &Router, request: Request<Body>) -> Response<Body> {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
