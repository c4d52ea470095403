//! A function behind either transport: what answers, and the line and the count that each
//! request leaves.

use std::time::{Duration, SystemTime};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response},
};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{DatabaseProbe, health::Health};
use crate::{
    keys::Keys,
    respond::{Cause, Refusal, refused},
    secrets::{SecretCache, Secrets},
    telemetry::{RequestCounter, RequestLog, metrics},
};

/// What a function is made of once it has started.
pub struct Parts {
    /// Answers requests.
    pub router: Router,
    /// The function is ready while it has keys.
    pub keys: SecretCache<Keys>,
    /// Knows how old the secrets are that it has fetched.
    pub secrets: Secrets,
    /// The database, where there is one.
    pub database: Option<DatabaseProbe>,
}

/// More keys than a set in use has; one may have some hundred.
const MAX_MEASURED_KEYS: usize = 32;

/// A function that is ready for requests.
#[derive(Clone)]
pub struct Service {
    router: Router,
    pub(super) health: Health,
    keys: SecretCache<Keys>,
    secrets: Secrets,
    counter: Option<RequestCounter>,
}

impl Service {
    /// A service of these parts, which answers below `base_path` as well and counts its requests
    /// in `counter`.
    #[must_use]
    pub fn new(parts: Parts, base_path: Option<&str>, counter: Option<RequestCounter>) -> Self {
        let Parts { router, keys, secrets, database } = parts;
        let router = match base_path {
            Some(path) => Router::new().nest_service(path, router.clone()).fallback_service(router),
            None => router,
        };
        let health = Health::new(keys.clone(), database);
        Self { router, health, keys, secrets, counter }
    }

    /// Answers one request, and logs it.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.logged(request, |request| call(&self.router, request)).await
    }

    /// The same, or 503 if there is no answer within `limit`.
    pub(super) async fn answer_within(
        &self,
        limit: Duration,
        request: Request<Body>,
    ) -> Response<Body> {
        let headers = request.headers().clone();
        let answer = async |request| {
            let answer = timeout(limit, call(&self.router, request)).await;
            answer.unwrap_or_else(|_| unavailable("no answer in time", &headers))
        };
        self.logged(request, answer).await
    }

    /// Refuses one request with 503, and logs it.
    pub(super) async fn refuse(
        &self,
        request: Request<Body>,
        reason: &'static str,
    ) -> Response<Body> {
        self.logged(request, async |request| unavailable(reason, request.headers())).await
    }

    /// Sets how old the secrets are, which is looked up when it is asked for.
    pub(super) fn set_ages(&self) {
        for (kind, age) in self.secrets.ages(SystemTime::now()) {
            metrics::set_secret_age(kind, age);
        }
    }

    /// Sets which keys there are.
    pub(super) fn set_keys(&self) {
        for key in self.keys.peek().iter().flat_map(|keys| keys.iter()).take(MAX_MEASURED_KEYS) {
            metrics::set_key(key.id.as_deref(), key.algorithm.name());
        }
    }

    async fn logged<A: Future<Output = Response<Body>>>(
        &self,
        request: Request<Body>,
        answer: impl FnOnce(Request<Body>) -> A,
    ) -> Response<Body> {
        let log = RequestLog::start(&request, self.counter);
        let response = answer(request).await;
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

fn unavailable(reason: &str, request: &HeaderMap) -> Response<Body> {
    refused(Refusal::ServiceUnavailable, Cause::new(reason), request)
}
