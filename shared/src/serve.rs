//! The two transports, Lambda's runtime protocol and HTTP/1.1, which give a [`Service`] requests.

mod health;
mod http;
mod lambda;
mod lambda_event;

pub use health::DatabaseProbe;
pub use lambda_event::{GatewayEvent, InvocationEvent};

use std::{
    future::Future,
    io::{self, Write},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use metrics::gauge;
use tokio::{runtime::Builder, time::timeout};
use tower::ServiceExt;

use crate::{
    config::{
        LogConfig, MetricsConfig, Problem, Reader, TransportConfig, Variables, read_base_path,
    },
    keys::Keys,
    respond::unavailable,
    secrets::{SecretCache, Secrets},
    telemetry::{
        self, RequestCounter, RequestLog,
        metrics::{Exporter, SECRET_AGE, set_key},
    },
};
use health::Health;

/// More keys than a set in use has; one may have some hundred.
const MAX_MEASURED_KEYS: usize = 32;

/// One of the functions of this project: what it reads from the environment.
pub trait Function: Sized + Send {
    /// What it is called in logs.
    const NAME: &'static str;
    /// What its requests are counted as; `None` for one that offers no metrics.
    const COUNTER: Option<RequestCounter>;
    /// What it is invoked with on Lambda.
    type Event: InvocationEvent;

    /// Reads the configuration.
    fn configure(reader: &mut Reader<'_>) -> Self;

    /// The cold start: fetches secrets, makes keys and pools, and builds the router.
    fn start(
        self,
        transport: TransportConfig,
    ) -> impl Future<Output = Result<Parts, Vec<Problem>>> + Send;
}

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

/// Why a function cannot be called, or no longer.
enum ServeError {
    Configuration(Vec<Problem>),
    Other(String),
}

/// Runs `F` with these variables until it is told to stop: all of a `main`. Exits with 78 if the
/// configuration is unusable, and logs every problem in a line of its own.
#[must_use]
pub fn run<F: Function>(variables: Variables<'_>) -> ExitCode {
    let mut reader = Reader::new(variables);
    let logs = LogConfig::read(&mut reader);
    let transport = TransportConfig::read(&mut reader);
    // Until the end: it writes what is left of the log.
    let _log = telemetry::init(&logs, matches!(transport, TransportConfig::Http { .. }));
    let base_path = read_base_path(&mut reader);
    let metrics = MetricsConfig::read(&mut reader, transport);
    if F::COUNTER.is_none() && metrics != MetricsConfig::Off {
        reader.problem("METRICS_PORT, METRICS", "are for login and validate alone");
    }
    let function = F::configure(&mut reader);
    let ended = reader.finish(function).map_err(ServeError::Configuration).and_then(|function| {
        // A thread for each core; one, where there is but one request at a time: a start is over
        // before others would be there.
        let mut builder = match transport {
            TransportConfig::Lambda { concurrency: 1, .. } => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| ServeError::Other(error.to_string()))?;
        let served = start_and_serve(function, transport, base_path.as_deref(), metrics);
        let ended = runtime.block_on(served);
        // Without waiting for hashes whose requests are gone.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => {
            tracing::info!(function = F::NAME, "sys_shutdown");
            ExitCode::SUCCESS
        }
        Err(ServeError::Configuration(problems)) => {
            for problem in problems {
                if tracing::enabled!(tracing::Level::ERROR) {
                    tracing::error!("{problem}");
                } else {
                    // `RUST_LOG=off` is about requests; why there will be none must be said.
                    let _ = writeln!(io::stderr(), "{problem}");
                }
            }
            // `EX_CONFIG` of sysexits.h.
            ExitCode::from(78)
        }
        Err(ServeError::Other(error)) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn start_and_serve<F: Function>(
    function: F,
    transport: TransportConfig,
    base_path: Option<&str>,
    metrics: MetricsConfig,
) -> Result<(), ServeError> {
    // Before anything starts that has something to count.
    let exporter = Exporter::install(metrics, F::COUNTER)
        .map_err(|error| ServeError::Other(format!("cannot measure: {error}")))?;
    // Without an exporter nothing is looked up.
    let counter = F::COUNTER.filter(|_| !matches!(exporter, Exporter::Off));
    let start = async {
        let parts = function.start(transport).await.map_err(ServeError::Configuration)?;
        tracing::info!(function = F::NAME, version = env!("CARGO_PKG_VERSION"), "sys_startup");
        Ok(Service::new(parts, base_path, counter))
    };
    match transport {
        TransportConfig::Lambda { .. } => {
            let service = start.await?;
            if transport.starts_for_a_request() {
                // While the first event is on its way.
                tokio::spawn(service.health.clone().connect());
            }
            lambda::serve::<F::Event>(service, exporter).await
        }
        TransportConfig::Http { address, drain, max_connections } => {
            let mut signals = http::signals()?;
            let service = tokio::select! {
                service = start => service?,
                _ = signals.recv() => return Ok(()),
            };
            http::serve(service, address, drain, max_connections, exporter, signals).await
        }
    }
}

/// A function behind either transport. Each request leaves a log line and a count.
#[derive(Clone)]
pub struct Service {
    router: Router,
    health: Health,
    secrets: Secrets,
    counter: Option<RequestCounter>,
}

impl Service {
    /// A service that answers below `base_path` as well and counts its requests in `counter`.
    #[must_use]
    pub fn new(parts: Parts, base_path: Option<&str>, counter: Option<RequestCounter>) -> Self {
        let Parts { router, keys, secrets, database } = parts;
        let router = match base_path {
            Some(path) => Router::new().nest_service(path, router.clone()).fallback_service(router),
            None => router,
        };
        Self { router, health: Health::new(keys, database), secrets, counter }
    }

    /// Answers one request, and logs it: with 503 if there is no answer within `limit`.
    pub async fn answer(&self, request: Request<Body>, limit: Option<Duration>) -> Response<Body> {
        let answer = async |request: Request<Body>| {
            let Some(limit) = limit else { return call(&self.router, request).await };
            let headers = request.headers().clone();
            let answer = timeout(limit, call(&self.router, request)).await;
            answer.unwrap_or_else(|_| unavailable("no answer in time", &headers))
        };
        self.logged(request, answer).await
    }

    /// Refuses one request with 503, and logs it.
    async fn refuse(&self, request: Request<Body>, reason: &'static str) -> Response<Body> {
        self.logged(request, async |request| unavailable(reason, request.headers())).await
    }

    async fn logged(
        &self,
        request: Request<Body>,
        answer: impl AsyncFnOnce(Request<Body>) -> Response<Body>,
    ) -> Response<Body> {
        let log = RequestLog::start(&request, self.counter);
        let response = answer(request).await;
        log.finish(&response);
        response
    }

    /// Sets how old the secrets are, which is looked up when it is asked for.
    fn set_ages(&self) {
        for (kind, age) in self.secrets.ages(SystemTime::now()) {
            gauge!(SECRET_AGE, "secret" => kind.as_str()).set(age.as_secs_f64());
        }
    }

    /// Sets which keys there are.
    fn set_keys(&self) {
        let keys = self.health.keys.peek();
        for key in keys.iter().flat_map(|keys| keys.iter()).take(MAX_MEASURED_KEYS) {
            set_key(key.id.as_deref(), key.alg());
        }
    }
}

async fn call(router: &Router, request: Request<Body>) -> Response<Body> {
    let Ok(response) = router.clone().oneshot(request).await;
    response
}

#[cfg(test)]
impl Service {
    /// For tests of the transports, of whose requests none needs the key.
    fn of_router(router: Router) -> Self {
        let keys = Keys::read(&"a key that no test here ever uses".into()).expect("a usable key");
        let (keys, secrets) = (std::sync::Arc::new(keys).into(), Secrets::default());
        Self::new(Parts { router, keys, secrets, database: None }, None, None)
    }
}
