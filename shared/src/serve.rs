//! The two transports, Lambda's runtime API and HTTP/1.1, which pass requests to a [`Service`].

mod health;
mod http;
mod lambda;
mod lambda_event;

pub use health::{DatabaseProbe, ProbeError};
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
        unknown_variables,
    },
    keys::Keys,
    respond::unavailable,
    secrets::{SecretCache, Secrets},
    telemetry::{
        self, RequestCounter, RequestLog,
        metrics::{Exporter, SECRET_AGE, record_key},
    },
};
use health::Health;

/// Bounds the time series: a key set may have hundreds of keys, one in use has a few.
const MAX_KEY_METRICS: usize = 32;

/// A function of this project.
pub trait Function: Sized + Send {
    /// Its name in logs.
    const NAME: &'static str;
    /// The counter of its requests; `None` if it offers no metrics.
    const COUNTER: Option<RequestCounter>;
    /// The events that invoke it on Lambda.
    type Event: InvocationEvent;

    /// Reads the configuration.
    fn configure(reader: &mut Reader<'_>) -> Self;

    /// The cold start: fetches secrets, reads keys, opens pools, and builds the router.
    fn start(
        self,
        transport: TransportConfig,
    ) -> impl Future<Output = Result<App, Vec<Problem>>> + Send;
}

/// A function that has started.
pub struct App {
    /// Answers its requests.
    pub router: Router,
    /// Without keys it is not ready.
    pub keys: SecretCache<Keys>,
    /// For the metric of their ages.
    pub secrets: Secrets,
    /// Queries its database for `/readyz`; `None` if it has no database.
    pub database: Option<DatabaseProbe>,
}

enum ServeError {
    Configuration(Vec<Problem>),
    Other(String),
}

/// Runs `F` until it is stopped: the whole of a `main`. Exits with 78 if the configuration is
/// unusable, after one log line for each problem.
pub fn run<F: Function>(variables: Variables<'_>) -> ExitCode {
    let mut reader = Reader::new(variables);
    let logs = LogConfig::read(&mut reader);
    let transport = TransportConfig::read(&mut reader);
    // Flushes the log when it is dropped.
    let _log = telemetry::init(&logs, matches!(transport, TransportConfig::Http { .. }));
    for (name, meant) in unknown_variables(std::env::vars_os()) {
        let hint =
            meant.map_or("see docs/configuration.md".into(), |it| format!("did you mean {it}?"));
        tracing::warn!("{name}: is not a variable of these functions; {hint}");
    }
    let base_path = read_base_path(&mut reader);
    let metrics = MetricsConfig::read(&mut reader, transport);
    if F::COUNTER.is_none() && metrics != MetricsConfig::Off {
        reader.problem("METRICS_PORT, METRICS", "are for login and validate alone");
    }
    let function = F::configure(&mut reader);
    let ended = reader.finish(function).map_err(ServeError::Configuration).and_then(|function| {
        // With one request at a time, one thread: it has started before others would be created.
        let mut builder = match transport {
            TransportConfig::Lambda { concurrency: 1, .. } => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| ServeError::Other(error.to_string()))?;
        let served = start_and_serve(function, transport, base_path.as_deref(), metrics);
        let ended = runtime.block_on(served);
        // Does not wait for hashes whose requests were cancelled.
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
                    // Even with `RUST_LOG=off`, the reason for the exit is printed.
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
    // Before anything is counted.
    let exporter = Exporter::install(metrics, F::COUNTER)
        .map_err(|error| ServeError::Other(format!("cannot measure: {error}")))?;
    let counter = F::COUNTER.filter(|_| !matches!(exporter, Exporter::Off));
    let start = async {
        let app = function.start(transport).await.map_err(ServeError::Configuration)?;
        tracing::info!(function = F::NAME, version = env!("CARGO_PKG_VERSION"), "sys_startup");
        Ok(Service::new(app, base_path, counter))
    };
    match transport {
        TransportConfig::Lambda { .. } => {
            let service = start.await?;
            if transport.starts_for_a_request() {
                // While the runtime fetches the first event.
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

/// A function, as both transports call it. It logs and counts each request.
#[derive(Clone)]
pub struct Service {
    router: Router,
    health: Health,
    secrets: Secrets,
    counter: Option<RequestCounter>,
}

impl Service {
    /// A service that also answers below `base_path`, and counts requests in `counter`.
    pub fn new(app: App, base_path: Option<&str>, counter: Option<RequestCounter>) -> Self {
        let App { router, keys, secrets, database } = app;
        let router = match base_path {
            Some(path) => Router::new().nest_service(path, router.clone()).fallback_service(router),
            None => router,
        };
        Self { router, health: Health::new(keys, database), secrets, counter }
    }

    /// Handles one request and logs it. After `time_limit`, the response is 503.
    pub async fn handle(
        &self,
        request: Request<Body>,
        time_limit: Option<Duration>,
    ) -> Response<Body> {
        let log = RequestLog::start(&request, self.counter);
        let response = match time_limit {
            Some(time_limit) => {
                let headers = request.headers().clone();
                let response = timeout(time_limit, call(&self.router, request)).await;
                response.unwrap_or_else(|_| unavailable("no answer in time", &headers))
            }
            None => call(&self.router, request).await,
        };
        log.finish(response)
    }

    /// Refuses one request with 503, and logs it.
    fn refuse(&self, request: &Request<Body>, reason: &str) -> Response<Body> {
        RequestLog::start(request, self.counter).finish(unavailable(reason, request.headers()))
    }

    fn record_secret_ages(&self) {
        for (kind, age) in self.secrets.ages(SystemTime::now()) {
            gauge!(SECRET_AGE, "secret" => kind.as_str()).set(age.as_secs_f64());
        }
    }

    fn record_keys(&self) {
        let keys = self.health.keys.peek();
        for key in keys.iter().flat_map(|keys| keys.iter()).take(MAX_KEY_METRICS) {
            record_key(key.id.as_deref(), key.alg());
        }
    }
}

async fn call(router: &Router, request: Request<Body>) -> Response<Body> {
    let Ok(response) = router.clone().oneshot(request).await;
    response
}
