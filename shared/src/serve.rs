//! The two doors: the Lambda runtime protocol, and HTTP/1.1.
//!
//! Both give the same [`Service`] the same kind of request, so that a function does
//! not know which one it was called through.

mod health;
mod http;
mod lambda;
mod lambda_event;
mod service;

pub use health::{DatabaseProbe, Health};
pub use lambda_event::{GatewayEvent, InvocationEvent};
pub use service::Service;

use std::{
    fmt::Display,
    future::Future,
    io::{self, Write},
    num::NonZero,
    process::ExitCode,
};

use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tracing_appender::non_blocking::WorkerGuard;

use crate::{
    config::{
        LogConfig, MetricsConfig, Problem, Reader, TransportConfig, Variables, read_base_path,
    },
    telemetry::{self, LogWriter, RequestCounter, RequestCounts, metrics::Exporter},
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
    ///
    /// # Errors
    ///
    /// [`Problem`]s, such as a secret that cannot be had.
    fn start(
        config: Self::Config,
        platform: Platform,
    ) -> impl Future<Output = Result<Service, Vec<Problem>>> + Send;
}

/// Where a function runs, and how much it may do there at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// Where requests come from.
    pub door: TransportConfig,
}

impl Platform {
    /// This machine, with requests from `door`.
    #[must_use]
    pub fn new(door: TransportConfig) -> Self {
        Self { door }
    }

    /// Password hashes at once: one for each core. They are counted anew each time, from
    /// files of the system.
    #[must_use]
    pub fn hashes(&self) -> usize {
        std::thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Database connections at once. In Lambda, one for each request that there may be.
    /// Over HTTP, one for each hash, which is idle for most of a hash, and one more: a login
    /// makes two statements at once, while the check of the one before it is taken back.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match self.door {
            TransportConfig::Lambda { concurrency, .. } => concurrency,
            TransportConfig::Http { .. } => u32::try_from(self.hashes() + 1).unwrap_or(u32::MAX),
        }
    }
}

/// The function cannot be called, or no longer.
#[derive(Debug, Error)]
enum ServeError {
    #[error("the function cannot start")]
    Start(Vec<Problem>),
    #[error("cannot listen on {0}: {1}; set HOST and PORT, or METRICS_PORT, to a free address")]
    Listen(std::net::SocketAddr, io::Error),
    #[error("cannot measure: {0}")]
    Metrics(String),
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
    #[error("the Lambda runtime failed: {0}")]
    Lambda(lambda_runtime::Error),
}

/// Runs `F` until it is told to stop: all of a `main`.
///
/// Exits with 78 if the configuration is unusable, every problem in a line of its own.
#[must_use]
pub fn run<F: Function>() -> ExitCode {
    run_in::<F>(&|name| std::env::var_os(name))
}

/// As [`run`], with variables from elsewhere.
#[must_use]
pub fn run_in<F: Function>(variables: Variables<'_>) -> ExitCode {
    // Until the end: it writes what is left of the log.
    let (_log, config) = read::<F>(variables);
    let config = match config {
        Ok(read) => read,
        Err(problems) => return refuse(&problems),
    };
    let runtime = match runtime(config.door) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let ended = runtime.block_on(start_and_serve(config));
    // Without waiting for hashes that nobody waits for any more.
    runtime.shutdown_background();
    match ended {
        Ok(()) => {
            tracing::info!(function = F::NAME, "sys_shutdown");
            ExitCode::SUCCESS
        }
        Err(ServeError::Start(problems)) => refuse(&problems),
        Err(error) => fail(&error),
    }
}

/// A thread for each core; one, where there is but one request at a time: a start is over
/// before others would be there.
fn runtime(door: TransportConfig) -> io::Result<Runtime> {
    let mut builder = match door {
        TransportConfig::Lambda { concurrency: 1, .. } => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn start_and_serve<F: Function>(config: Configuration<F>) -> Result<(), ServeError> {
    let Configuration { door, base_path, metrics, function: config } = config;
    // Before anything starts that has something to count.
    let (exporter, counts) = match F::COUNTER {
        Some(counter) => Exporter::install(&metrics, counter).map_err(ServeError::Metrics)?,
        None => (Exporter::Off, RequestCounts::default()),
    };
    let start = async {
        let service = F::start(config, Platform::new(door)).await.map_err(ServeError::Start)?;
        let service = service.counted(counts).below(base_path.as_deref());
        tracing::info!(function = F::NAME, version = env!("CARGO_PKG_VERSION"), "sys_startup");
        Ok(service)
    };
    match door {
        TransportConfig::Lambda { .. } => {
            let service = start.await?;
            if door.starts_for_a_request() {
                // While the first event is on its way.
                tokio::spawn(service.health.clone().connect());
            }
            lambda::serve::<F::Event>(service, exporter).await
        }
        TransportConfig::Http { address, drain, max_connections } => {
            let mut signals = http::Signals::listen().map_err(ServeError::Signals)?;
            let service = tokio::select! {
                service = start => service?,
                _ = signals.next() => return Ok(()),
            };
            let metrics = match (metrics, exporter) {
                (MetricsConfig::Prometheus { address }, Exporter::Prometheus(scrape)) => {
                    Some((address, scrape))
                }
                _ => None,
            };
            let door = http::Door { address, drain, max_connections, metrics };
            http::serve(service, door, signals).await
        }
    }
}

/// All that a process reads from its environment.
struct Configuration<F: Function> {
    door: TransportConfig,
    base_path: Option<String>,
    metrics: MetricsConfig,
    function: F::Config,
}

/// Reads everything before anything starts, and sets up the log on the way.
fn read<F: Function>(
    variables: Variables<'_>,
) -> (Option<WorkerGuard>, Result<Configuration<F>, Vec<Problem>>) {
    let mut reader = Reader::new(variables);
    let logs = LogConfig::read(&mut reader);
    let door = TransportConfig::read(&mut reader);
    let writer = match door {
        TransportConfig::Http { .. } => LogWriter::InBackground,
        TransportConfig::Lambda { .. } => LogWriter::AtOnce,
    };
    let log = telemetry::init(&logs, writer);
    let base_path = read_base_path(&mut reader);
    let metrics = MetricsConfig::read(&mut reader, door);
    if F::COUNTER.is_none() && metrics != MetricsConfig::Off {
        reader.problem("METRICS_PORT, METRICS", "are for login and validate alone");
    }
    let function = F::configure(&mut reader);
    (log, reader.finish(Configuration { door, base_path, metrics, function }))
}

fn refuse(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!("{problem}");
        } else {
            // `RUST_LOG=off` is about requests; why there will be none must be said.
            // Where nobody can read it, the status says it still.
            let _ = writeln!(io::stderr(), "{problem}");
        }
    }
    ExitCode::from(EXIT_CONFIG)
}

fn fail(error: &dyn Display) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use super::*;

    #[test]
    fn classic_lambda_has_one_connection_and_managed_instances_one_for_each_request() {
        for concurrency in [1, 8] {
            let door = TransportConfig::Lambda { concurrency, snapshot: false };
            assert_eq!(Platform::new(door).connections(), concurrency);
        }
    }

    #[test]
    fn over_http_there_is_a_hash_for_each_core_and_one_connection_more() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let platform = Platform::new(TransportConfig::Http {
            address,
            drain: Duration::ZERO,
            max_connections: 1,
        });
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!((platform.hashes(), platform.connections() as usize), (cores, cores + 1));
    }
}
