//! How much is logged, and in which form.

use std::str::FromStr;

use tracing_subscriber::filter::Targets;

use super::Reader;

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One readable line, for a person at a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(()),
        }
    }
}

/// `RUST_LOG` and `LOG_FORMAT`.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Levels by target, `info` where nothing is set.
    pub levels: Targets,
    /// JSON or text.
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let levels =
            reader.parsed("RUST_LOG", "a list of levels such as `info` or `info,sqlx=warn`");
        let format = reader.parsed("LOG_FORMAT", "`json` or `text`");
        Some(Self {
            levels: levels?.unwrap_or_else(|| Self::default().levels),
            format: format?.unwrap_or_default(),
        })
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        let levels = Targets::new().with_default(tracing::Level::INFO);
        Self { levels, format: LogFormat::default() }
    }
}
