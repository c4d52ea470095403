//! Logs, with one line a request, metrics, and checks of health.
//!
//! Our code logs no e-mail, password, token, header or body at any level. Libraries do at `debug` and
//! `trace`, so these levels of theirs are dropped, whatever `RUST_LOG` says.

pub(crate) mod metrics;
mod request_log;

pub use metrics::RequestCounter;
pub use request_log::Cause;
pub(crate) use request_log::{Outcome, RequestLog};

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    fmt::{self, writer::BoxMakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::LogConfig;

/// Crates that follow the rule above.
const OURS: [&str; 4] = ["shared", "login", "validate", "local"];
/// The shortest time between two warnings that clients can cause.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// Lines that wait for standard error, at most 3 MiB. Then requests wait.
const MAX_BUFFERED_LINES: usize = 4096;

/// Starts logging to standard error, with `in_background` on its own thread. Dropping the guard
/// flushes it.
pub(crate) fn init(config: &LogConfig, in_background: bool) -> Option<WorkerGuard> {
    let (writer, guard) = if in_background {
        let builder = NonBlockingBuilder::default().lossy(false);
        let builder = builder.buffered_lines_limit(MAX_BUFFERED_LINES);
        // Flushed when no line waits.
        let (writer, guard) = builder.finish(io::BufWriter::new(io::stderr()));
        (BoxMakeWriter::new(writer), Some(guard))
    } else {
        (BoxMakeWriter::new(io::stderr), None)
    };
    // An error of standard error cannot be logged there.
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false);
    let lines = lines.with_target(false).with_ansi(false);
    let lines = if config.is_json {
        let json = lines.json().flatten_event(true);
        json.with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    // Fails if a test has already installed a subscriber.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(config.levels.clone())
        .with(filter_fn(is_loggable))
        .try_init();
    guard
}

fn is_loggable(line: &Metadata<'_>) -> bool {
    let root = line.target().split("::").next().unwrap_or_default();
    // The AWS SDK logs accounts, roles and the output of `credential_process` at `info` and `warn`.
    // Our own lines report its failures.
    let lowest = if root.starts_with("aws_") { Level::ERROR } else { Level::INFO };
    // axum logs bad requests, such as CONNECT with a body, as errors of the service.
    (*line.level() <= lowest && root != "axum") || OURS.contains(&root)
}

/// A dependency that can be checked.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// Whether it can be used now. The future may be dropped.
    async fn check(&self) -> Result<(), HealthError>;
}

/// A dependency cannot be used.
pub struct HealthError {
    /// Whether it is within reach, but refuses the account or the statement.
    pub is_refusal: bool,
    /// For an operator, without any secret.
    pub reason: String,
}

/// Limits a warning that clients can cause to one a minute.
#[derive(Debug, Default)]
pub(crate) struct RepeatedWarning(Mutex<(Option<Instant>, u64)>);

impl RepeatedWarning {
    /// Counts an occurrence. If a warning is due, returns the occurrences since the last one.
    pub(crate) fn due(&self) -> Option<u64> {
        let (warned, times) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *times += 1;
        if warned.is_some_and(|warned| warned.elapsed() < WARNING_INTERVAL) {
            return None;
        }
        *warned = Some(Instant::now());
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_warning_is_due_once_a_minute_with_its_number_of_occurrences() {
        let warning = RepeatedWarning::default();
        assert_eq!(warning.due(), Some(1));
        for _ in 0..2015 {
            assert_eq!(warning.due(), None);
        }
        tokio::time::advance(WARNING_INTERVAL).await;
        assert_eq!(warning.due(), Some(2016));
        assert_eq!(warning.due(), None);
    }
}
