//! Logs: one line a request, and never a credential. Metrics, where they are wanted.
//!
//! No code of ours logs an e-mail, a password, a token, a header or a body, at any level. Libraries
//! do at `debug` and `trace`, and are not heard below `info`, whatever `RUST_LOG` says.

pub(crate) mod metrics;
mod request_log;

pub use metrics::RequestCounter;
pub use request_log::{Cause, Outcome};
pub(crate) use request_log::{OutcomeName, RequestId, RequestLog};

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

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

/// Crates whose log lines are written with the policy above in mind.
const OURS: [&str; 4] = ["shared", "login", "validate", "local"];
/// Between two warnings whose cause clients can repeat.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);
/// How many lines wait for standard error before requests do: 2 to 3 MiB of memory at most.
const MOST_BUFFERED_LINES: usize = 4096;

/// Sends log lines to standard error: before their request goes on, or `in_background` by a thread
/// that a busy process waits for, until what is returned is dropped.
pub(crate) fn init(config: &LogConfig, in_background: bool) -> Option<WorkerGuard> {
    let (writer, guard) = if in_background {
        let builder = NonBlockingBuilder::default().lossy(false);
        let builder = builder.buffered_lines_limit(MOST_BUFFERED_LINES);
        // Flushed whenever no line is left.
        let (writer, guard) = builder.finish(io::BufWriter::new(io::stderr()));
        (BoxMakeWriter::new(writer), Some(guard))
    } else {
        (BoxMakeWriter::new(io::stderr), None)
    };
    // A line that cannot be written is lost: to say so would be written to the same place.
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false);
    let lines = lines.with_target(false).with_ansi(false);
    let lines = if config.is_json {
        let json = lines.json().flatten_event(true);
        json.with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    // Fails where a test has set up another subscriber already: that one serves as well.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(config.levels.clone())
        .with(filter_fn(may_be_heard))
        .try_init();
    guard
}

fn may_be_heard(line: &Metadata<'_>) -> bool {
    let root = line.target().split("::").next().unwrap_or_default();
    // AWS's SDK names accounts, roles and what a program of `credential_process` wrote, at `info` and
    // `warn`. What fails there is in our own lines.
    let lowest = if root.starts_with("aws_") { Level::ERROR } else { Level::INFO };
    // axum logs errors of requests, such as a body behind CONNECT, as those of the service.
    (*line.level() <= lowest && root != "axum") || OURS.contains(&root)
}

/// When a warning whose cause clients can repeat is said: once a minute at most.
#[derive(Debug, Default)]
pub(crate) struct RepeatedWarning(Mutex<(Option<Instant>, u64)>);

impl RepeatedWarning {
    /// Counts its cause once more. If it is to be said now, how often it came since the last time.
    pub(crate) fn due(&self) -> Option<u64> {
        let (said, times) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *times += 1;
        if said.is_some_and(|said| said.elapsed() < AT_MOST_EVERY) {
            return None;
        }
        *said = Some(Instant::now());
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_once_a_minute_and_how_often_it_was_due() {
        let warning = RepeatedWarning::default();
        assert_eq!(warning.due(), Some(1));
        for _ in 0..2015 {
            assert_eq!(warning.due(), None);
        }
        tokio::time::advance(AT_MOST_EVERY).await;
        assert_eq!(warning.due(), Some(2016));
        assert_eq!(warning.due(), None);
    }
}
