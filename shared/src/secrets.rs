//! Secrets: fetched from a variable, a file or Secrets Manager, and followed as they change.
//!
//! This module fetches text; what the text means is for `keys` and `users` to know.

mod cache;
pub mod secrets_manager;
mod versions;

pub use cache::SecretCache;
pub(crate) use versions::{Beside, Versions};

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::{task, time::timeout};

use crate::config::{Problem, SecretKind, SecretPlace, SecretSource, SecretsConfig};
use cache::Origin;
use secrets_manager::{CallError, Failure, SecretsManager};
use versions::Stage;

/// No secret of ours is larger; a wrong path must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Shorter than the 10 s that Lambda gives a function to start.
const FETCH_LIMIT: Duration = Duration::from_secs(8);

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

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self { variable: error.source_name, reason: error.reason }
    }
}

impl SecretSource {
    fn error(&self, reason: impl Display) -> SecretError {
        SecretError { source_name: self.describe(), reason: reason.to_string(), transient: false }
    }

    fn out_of_reach(&self, reason: impl Display) -> SecretError {
        SecretError { transient: true, ..self.error(reason) }
    }
}

/// Fetches secrets. One value and its clones serve a whole process, so that the client of
/// Secrets Manager is made once, and only where a secret is there.
#[derive(Debug, Clone)]
pub struct Secrets {
    config: SecretsConfig,
    deferred: bool,
    manager: Arc<SecretsManager>,
    /// When the fetch began that last confirmed each secret that may change.
    confirmed: Arc<Mutex<BTreeMap<SecretKind, SystemTime>>>,
}

impl Secrets {
    /// Fetches secrets again as they grow old, and if `deferred` none before it is needed: what
    /// is fetched now would be part of a snapshot of the process.
    #[must_use]
    pub fn new(config: SecretsConfig, deferred: bool) -> Self {
        let manager = Arc::new(SecretsManager::new(config.extension_port));
        Self { config, deferred, manager, confirmed: Arc::default() }
    }

    /// What `read` makes of a secret, now and as the secret changes. An error of `read` is a
    /// reason for an operator, which never shows the secret. If the source is only out of reach,
    /// there is nothing in the cache until it answers.
    pub(crate) async fn cache<T: Send + Sync + 'static>(
        &self,
        kind: SecretKind,
        source: SecretSource,
        beside: Beside,
        read: impl Fn(&Versions) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<SecretCache<T>, SecretError> {
        let (read, secrets) = (Box::new(read), self.clone());
        SecretCache::fill(Origin { kind, source, beside, read, secrets }).await
    }

    /// How long ago each secret was last confirmed at its source. Those that cannot change,
    /// or are not there, are left out.
    pub(crate) fn ages(&self, now: SystemTime) -> Vec<(SecretKind, Duration)> {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.iter().map(|(kind, at)| (*kind, cache::age(*at, now))).collect()
    }

    fn confirm(&self, kind: SecretKind, at: SystemTime) {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, at);
    }

    /// The text of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the file cannot be read or Secrets Manager does not give
    /// the secret.
    pub async fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        let text = self.fetch_stage(source, Stage::Current).await?;
        text.ok_or_else(|| source.error("there is no such secret, or it has no value"))
    }

    async fn fetch_stage(
        &self,
        source: &SecretSource,
        stage: Stage,
    ) -> Result<Option<SecretString>, SecretError> {
        match &source.place {
            // Boxed: the futures of TLS are large, and rarely needed.
            SecretPlace::SecretsManager(id) => match Box::pin(self.manager.get(id, stage)).await {
                Ok(text) => Ok(text.map(|text| without_line_break(text.expose_secret()))),
                Err(CallError { reason, failure: Failure::Transient, .. }) => {
                    Err(source.out_of_reach(reason))
                }
                Err(CallError { reason, .. }) => Err(source.error(reason)),
            },
            _ if stage != Stage::Current => Ok(None),
            SecretPlace::Value(value) => Ok(Some(value.clone())),
            SecretPlace::File(path) => {
                let read = read_file(path.clone()).await;
                read.map(Some).map_err(|error| source.error(error))
            }
        }
    }

    /// The current text, and those of these stages where there are any.
    ///
    /// One after the other, in the direction in which a rotation moves them: a text that
    /// moves meanwhile is seen twice rather than never.
    async fn fetch_versions(
        &self,
        source: &SecretSource,
        stages: &[Stage],
    ) -> Result<Versions, SecretError> {
        let optional = async |stage| {
            if stages.contains(&stage) { self.fetch_stage(source, stage).await } else { Ok(None) }
        };
        let fetch = async {
            let pending = optional(Stage::Pending).await?;
            let current = self.fetch(source).await?;
            let previous = optional(Stage::Previous).await?;
            Ok(Versions { current, pending, previous })
        };
        // The limits of each attempt do not cover the search for credentials, and a volume may hang.
        let fetched = timeout(FETCH_LIMIT, fetch).await;
        fetched.unwrap_or_else(|_| Err(source.out_of_reach("did not come within 8 s")))
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(SecretsConfig::default(), false)
    }
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
    let mut text = String::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_but_for_one_line_break_or_named_with_its_variable() {
        let large = "x".repeat(64 * 1024 + 1);
        for (content, secret) in [
            (Some("a b\n"), Some("a b")),
            (Some("a\r\n"), Some("a")),
            (Some("a\n\n"), Some("a\n")),
            (Some(" a "), Some(" a ")),
            (Some(&large), None),
            (None, None),
        ] {
            let path = std::env::temp_dir().join(format!("secret-file-{}", std::process::id()));
            content
                .map_or_else(|| std::fs::remove_file(&path), |it| std::fs::write(&path, it))
                .unwrap();
            let source = SecretSource { variable: "X_FILE", place: SecretPlace::File(path) };
            match Secrets::default().fetch(&source).await {
                Ok(text) => assert_eq!(Some(text.expose_secret()), secret),
                Err(error) => {
                    assert!(error.to_string().starts_with("X_FILE (file /"), "{error}");
                    assert!(secret.is_none());
                }
            }
        }
    }
}
