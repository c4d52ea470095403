//! Logs: one line a request, and never a credential. Metrics, where they are wanted.
//!
//! No code of ours gives an e-mail, a password, a token, a header or a body to a log
//! line, at any level. Libraries do at `debug` and `trace`: they are therefore never
//! heard below `info`, whatever `RUST_LOG` says.

mod json_lines;
pub mod metrics;
mod outcome;
mod repeated;
mod request_log;
mod standard_error;

pub use metrics::{RequestCounter, RequestCounts};
pub use outcome::{Outcome, OutcomeName};
pub use repeated::RepeatedWarning;
pub use request_log::{RequestId, RequestLog};
pub use standard_error::{write_all_kept_lines, write_kept_lines};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};
use json_lines::JsonLines;
use standard_error::StandardError;

/// Crates whose log lines are written with the policy above in mind.
const OURS: [&str; 4] = ["shared", "login", "validate", "local"];

/// What is wrong with a request is said by its outcome; axum makes an error of the service's
/// of it, such as a body behind CONNECT.
const NEVER_HEARD: &str = "axum";

/// Sends log lines to standard error, in the configured form. The first call in a
/// process wins.
pub fn init(config: &LogConfig) {
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Json => JsonLines.boxed(),
        LogFormat::Text => {
            let lines = fmt::layer().with_writer(|| StandardError);
            // A line that cannot be written is lost: to say so would be written to the same
            // place, and panic.
            lines.log_internal_errors(false).with_target(false).with_ansi(false).boxed()
        }
    };
    let quiet = filter_fn(may_be_heard);
    // Fails where a test has set up another subscriber already: that one serves as well.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(config.levels.clone())
        .with(quiet)
        .try_init();
}

fn may_be_heard(line: &Metadata<'_>) -> bool {
    let root = line.target().split("::").next().unwrap_or_default();
    (*line.level() <= Level::INFO && root != NEVER_HEARD) || OURS.contains(&root)
}
