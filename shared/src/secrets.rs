//! Secrets and where they come from.
//!
//! This module fetches text; what the text means is for `keys` and `users` to know.

mod ages;
mod cache;
pub mod secrets_manager;
mod versions;

pub use ages::SecretKind;
pub use cache::{Recipe, SecretCache};
pub use versions::{Stage, Versions};

use std::{
    fmt::Display,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::{task, time::timeout};
use zeroize::Zeroizing;

use crate::config::SecretsConfig;
use ages::Ages;
use secrets_manager::{CallError, Failure, SecretsManager};

/// Where one secret comes from. `variable` is the variable that named the source,
/// for messages.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The variable held the secret itself.
    Value {
        /// The variable.
        variable: String,
        /// The secret.
        value: SecretString,
    },
    /// A file, such as a mounted Kubernetes Secret.
    File {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A secret in AWS Secrets Manager.
    SecretsManager {
        /// The variable.
        variable: String,
        /// Name or ARN.
        id: String,
    },
}

impl SecretSource {
    /// The variable that named this source.
    #[must_use]
    pub fn variable(&self) -> &str {
        let (Self::Value { variable, .. }
        | Self::File { variable, .. }
        | Self::SecretsManager { variable, .. }) = self;
        variable
    }

    /// What an operator calls this source: variable and file or secret name.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Value { variable, .. } => variable.clone(),
            Self::File { variable, path } => format!("{variable} (file {})", path.display()),
            Self::SecretsManager { variable, id } => format!("{variable} (secret {id})"),
        }
    }

    /// Whether the source may hold another secret tomorrow.
    fn may_change(&self) -> bool {
        !matches!(self, Self::Value { .. })
    }

    fn has_stages(&self) -> bool {
        matches!(self, Self::SecretsManager { .. })
    }

    fn error(&self, reason: impl Display) -> SecretError {
        SecretError { source_name: self.describe(), reason: reason.to_string(), transient: false }
    }
}

/// A secret could not be had.
#[derive(Debug, Clone, Error)]
#[error("{source_name}: {reason}")]
pub struct SecretError {
    /// [`SecretSource::describe`].
    pub source_name: String,
    /// What is wrong and what to do; never the secret.
    pub reason: String,
    /// Whether the source may just be out of reach for a while; otherwise something is
    /// wrong with the configuration.
    pub transient: bool,
}

/// No secret of ours is larger; a wrong path must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Shorter than the 10 s that Lambda gives a function to start.
const FETCH_LIMIT: Duration = Duration::from_secs(8);

/// Fetches secrets. One value and its clones serve a whole process, so that the client of
/// Secrets Manager is made once, and only where a secret is there.
#[derive(Debug, Clone)]
pub struct Secrets {
    config: SecretsConfig,
    deferred: bool,
    manager: Arc<SecretsManager>,
    ages: Ages,
}

impl Secrets {
    /// Fetches secrets again as they grow old.
    #[must_use]
    pub fn new(config: SecretsConfig) -> Self {
        let manager = Arc::new(SecretsManager::new(config.extension_port));
        Self { config, deferred: false, manager, ages: Ages::default() }
    }

    /// Fetches no secret before one is needed: what is fetched now would be part of a
    /// snapshot of the process.
    #[must_use]
    pub fn deferred(mut self, deferred: bool) -> Self {
        self.deferred = deferred;
        self
    }

    /// What `recipe` makes of its secret, now and as the secret changes. If the source is
    /// only out of reach, there is nothing in the cache until it answers.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there is no such secret or the recipe cannot use it.
    pub async fn cache<T: Send + Sync + 'static>(
        &self,
        recipe: Recipe<T>,
    ) -> Result<SecretCache<T>, SecretError> {
        SecretCache::fill(recipe, self.clone()).await
    }

    /// How long ago each secret was last confirmed at its source. Those that cannot change,
    /// or are not there, are left out.
    #[must_use]
    pub fn ages(&self, now: SystemTime) -> Vec<(SecretKind, Duration)> {
        self.ages.all(now)
    }

    /// The text of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the file cannot be read or Secrets Manager does not give
    /// the secret.
    pub async fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        match self.fetch_stage(source, Stage::Current).await? {
            Some(text) => Ok(text),
            None => Err(source.error("there is no such secret, or it has no value")),
        }
    }

    /// The text at one stage. Only Secrets Manager has others than the current one.
    async fn fetch_stage(
        &self,
        source: &SecretSource,
        stage: Stage,
    ) -> Result<Option<SecretString>, SecretError> {
        match source {
            _ if stage != Stage::Current && !source.has_stages() => Ok(None),
            SecretSource::Value { value, .. } => Ok(Some(value.clone())),
            SecretSource::File { path, .. } => {
                let read = read_file(path.clone()).await;
                read.map(Some).map_err(|error| source.error(error))
            }
            // Boxed: the futures of TLS are large, and rarely needed.
            SecretSource::SecretsManager { id, .. } => {
                match Box::pin(self.manager.get(id, stage)).await {
                    Ok(text) => Ok(text.map(|text| without_line_break(text.expose_secret()))),
                    Err(CallError { reason, failure, .. }) => Err(SecretError {
                        transient: failure == Failure::Transient,
                        ..source.error(reason)
                    }),
                }
            }
        }
    }

    /// The current text, and those of the other stages where there are any.
    ///
    /// One after the other, in the direction in which a rotation moves them: a text that
    /// moves meanwhile is seen twice rather than never.
    async fn fetch_versions(
        &self,
        source: &SecretSource,
        beside: &[Stage],
    ) -> Result<Versions, SecretError> {
        let optional = async |stage| {
            if beside.contains(&stage) { self.fetch_stage(source, stage).await } else { Ok(None) }
        };
        limited(source, async {
            let pending = optional(Stage::Pending).await?;
            let current = self.fetch(source).await?;
            let previous = optional(Stage::Previous).await?;
            Ok(Versions { current, pending, previous })
        })
        .await
    }
}

/// The limits of each attempt do not cover the search for credentials, and a volume may hang.
async fn limited<T>(
    source: &SecretSource,
    fetch: impl Future<Output = Result<T, SecretError>>,
) -> Result<T, SecretError> {
    timeout(FETCH_LIMIT, fetch).await.unwrap_or_else(|_| {
        Err(SecretError { transient: true, ..source.error("did not come within 8 s") })
    })
}

/// Read on a thread for such work.
async fn read_file(path: PathBuf) -> Result<SecretString, String> {
    let read = task::spawn_blocking(move || {
        // Twice, since the kubelet may be putting another directory in place.
        read_text(&path).or_else(|_| read_text(&path))
    });
    match read.await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

fn read_text(path: &Path) -> io::Result<SecretString> {
    let mut text = Zeroizing::new(String::new());
    let bytes = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("the file is larger than 64 KiB"));
    }
    Ok(without_line_break(&text))
}

/// The text without the line break that editors and `echo` leave behind.
#[must_use]
pub fn without_line_break(text: &str) -> SecretString {
    let text = text.strip_suffix('\n').unwrap_or(text);
    SecretString::from(text.strip_suffix('\r').unwrap_or(text))
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(SecretsConfig::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> SecretSource {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        SecretSource::File { variable: "X_FILE".into(), path }
    }

    #[tokio::test]
    async fn one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret() {
        for (content, secret) in
            [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            let source = file("line-break", content);
            assert_eq!(Secrets::default().fetch(&source).await.unwrap().expose_secret(), secret);
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_named_with_its_variable() {
        let missing = SecretSource::File { variable: "X_FILE".into(), path: "/no/such".into() };
        let large = file("large", &"x".repeat(64 * 1024 + 1));
        for source in [missing, large] {
            let error = Secrets::default().fetch(&source).await.unwrap_err().to_string();
            assert!(error.starts_with("X_FILE (file /"), "{error}");
        }
    }

    #[test]
    fn debug_does_not_show_a_secret() {
        let value = SecretSource::Value { variable: "X".into(), value: "canary".into() };
        assert!(!format!("{value:?}").contains("canary"));
    }
}
