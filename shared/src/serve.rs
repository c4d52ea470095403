//! The two transports, Lambda's runtime API and HTTP/1.1, which pass requests to a [`Service`].

mod health;
mod http;
mod lambda;
mod lambda_event;

pub use crate::telemetry::RequestCounter;
pub use lambda_event::{GatewayEvent, InvocationEvent};

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
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
        self, HealthCheck, RequestLog,
        metrics::{Exporter, SECRET_AGE},
    },
};
use health::Health;

/// A function that has started.
pub struct App {
    /// Answers its requests.
    pub router: Router,
    /// Without keys it is not ready.
    pub keys: SecretCache<Keys>,
    /// For the metric of their ages.
    pub secrets: Secrets,
    /// Checked for `/readyz`; `None` if it has no database.
    pub database: Option<Arc<dyn HealthCheck>>,
}

enum ServeError {
    Configuration(Vec<Problem>),
    Other(String),
}

/// Runs a function until it is stopped: the whole of a `main`. Exits with 78 if the configuration is
/// unusable, after one log line for each problem.
///
/// `E` are the events that invoke it on Lambda, `name` is for logs, and `counter` is that of its
/// requests, if it offers metrics. `configure` reads its configuration and returns its cold start,
/// which fetches secrets, reads keys, opens pools, and builds the router.
pub fn run<E: InvocationEvent, S: Future<Output = Result<App, Vec<Problem>>>>(
    name: &'static str,
    counter: Option<RequestCounter>,
    configure: fn(&mut Reader<'_>, TransportConfig) -> S,
    variables: Variables<'_>,
) -> ExitCode {
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
    if counter.is_none() && metrics != MetricsConfig::Off {
        reader.problem("METRICS_PORT, METRICS", "are for login and validate alone");
    }
    let start = configure(&mut reader, transport);
    let ended = reader.finish(start).map_err(ServeError::Configuration).and_then(|start| {
        // With one request at a time, one thread: it has started before others would be created.
        let mut builder = match transport {
            TransportConfig::Lambda { concurrency: 1, .. } => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| ServeError::Other(error.to_string()))?;
        // Before anything is counted.
        let exporter = Exporter::install(metrics, counter)
            .map_err(|error| ServeError::Other(format!("cannot measure: {error}")))?;
        // Without an exporter, no request pays for a counter.
        let counter = counter.filter(|_| !matches!(exporter, Exporter::Off));
        let start = async {
            let app = start.await.map_err(ServeError::Configuration)?;
            tracing::info!(function = name, version = env!("CARGO_PKG_VERSION"), "sys_startup");
            Ok(Service::new(app, base_path.as_deref(), counter))
        };
        let ended = runtime.block_on(serve::<E>(start, transport, exporter));
        // Does not wait for hashes whose requests were cancelled.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => {
            tracing::info!(function = name, "sys_shutdown");
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

async fn serve<E: InvocationEvent>(
    start: impl Future<Output = Result<Service, ServeError>>,
    transport: TransportConfig,
    exporter: Exporter,
) -> Result<(), ServeError> {
    match transport {
        TransportConfig::Lambda { .. } => {
            let service = start.await?;
            if transport.starts_for_a_request() {
                // Connects while the runtime fetches the first event.
                let health = service.health.clone();
                tokio::spawn(async move { health.query(true).await });
            }
            lambda::serve::<E>(service, exporter).await
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

    fn record_secret_ages(&self) {
        for (kind, age) in self.secrets.ages(SystemTime::now()) {
            gauge!(SECRET_AGE, "secret" => kind.as_str()).set(age.as_secs_f64());
        }
    }
}

async fn call(router: &Router, request: Request<Body>) -> Response<Body> {
    let Ok(response) = router.clone().oneshot(request).await;
    response
}
