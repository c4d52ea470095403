//! The two transports: the Lambda runtime protocol, and HTTP/1.1.
//!
//! Both give the same [`Service`] the same kind of request, so that a function does
//! not know how it was called.

mod health;
mod http;
mod lambda;
mod lambda_event;
mod service;

pub use health::DatabaseProbe;
pub use lambda_event::{GatewayEvent, InvocationEvent};
pub use service::{Parts, Service};

use std::{
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

use tokio::runtime::Builder;

use crate::{
    config::{
        LogConfig, MetricsConfig, Problem, Reader, TransportConfig, Variables, read_base_path,
    },
    telemetry::{self, RequestCounter, metrics::Exporter},
};
use service::call;

/// `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: u8 = 78;

/// One of the functions of this project.
pub trait Function {
    /// What it is called in logs.
    const NAME: &'static str;
    /// What its requests are counted as; `None` for one that offers no metrics.
    const COUNTER: Option<RequestCounter>;
    /// All that it reads from the environment.
    type Config: Send;
    /// What it is invoked with on Lambda.
    type Event: InvocationEvent;

    /// Reads the configuration.
    fn configure(reader: &mut Reader<'_>) -> Self::Config;

    /// The cold start: fetches secrets, makes keys and pools, and builds the router.
    fn start(
        config: Self::Config,
        transport: TransportConfig,
    ) -> impl Future<Output = Result<Parts, Vec<Problem>>> + Send;
}

/// Why a function cannot be called, or no longer.
enum ServeError {
    Configuration(Vec<Problem>),
    Other(String),
}

/// Runs `F` with these variables until it is told to stop: all of a `main`.
///
/// Exits with 78 if the configuration is unusable, every problem in a line of its own.
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
    let config = F::configure(&mut reader);
    let ended = reader.finish(config).map_err(ServeError::Configuration).and_then(|config| {
        // A thread for each core; one, where there is but one request at a time: a start is over
        // before others would be there.
        let mut builder = match transport {
            TransportConfig::Lambda { concurrency: 1, .. } => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| ServeError::Other(error.to_string()))?;
        let ended = runtime.block_on(start_and_serve::<F>(
            config,
            transport,
            base_path.as_deref(),
            metrics,
        ));
        // Without waiting for hashes whose requests are gone.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => {
            tracing::info!(function = F::NAME, "sys_shutdown");
            ExitCode::SUCCESS
        }
        Err(ServeError::Configuration(problems)) => refuse(&problems),
        Err(ServeError::Other(error)) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn start_and_serve<F: Function>(
    config: F::Config,
    transport: TransportConfig,
    base_path: Option<&str>,
    metrics: MetricsConfig,
) -> Result<(), ServeError> {
    // Before anything starts that has something to count.
    let exporter = match F::COUNTER {
        Some(counter) => Exporter::install(metrics, counter)
            .map_err(|error| ServeError::Other(format!("cannot measure: {error}")))?,
        None => Exporter::Off,
    };
    // Without an exporter nothing is looked up.
    let counter = F::COUNTER.filter(|_| !matches!(exporter, Exporter::Off));
    let start = async {
        let parts = F::start(config, transport).await.map_err(ServeError::Configuration)?;
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
            let mut signals = http::Signals::listen()?;
            let service = tokio::select! {
                service = start => service?,
                _ = signals.next() => return Ok(()),
            };
            let metrics = match exporter {
                Exporter::Prometheus(address, scrape) => Some((address, scrape)),
                _ => None,
            };
            http::serve(service, address, drain, max_connections, metrics, signals).await
        }
    }
}

fn refuse(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!("{problem}");
        } else {
            // `RUST_LOG=off` is about requests; why there will be none must be said.
            // Where that cannot be read, the status says it still.
            let _ = writeln!(io::stderr(), "{problem}");
        }
    }
    ExitCode::from(EXIT_CONFIG)
}
