//! Secrets: fetched from a variable, a file or Secrets Manager, and refreshed as they age.
//!
//! This module fetches text; `keys` and `database` parse it.

mod cache;
pub mod secrets_manager;

pub use cache::SecretCache;

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::{sync::OnceCell, task, time::timeout};

use crate::config::{Problem, SecretKind, SecretPlace, SecretSource, SecretsConfig};
use secrets_manager::Client;

/// The `Retry-After` of each 503 to a request, and the cool-down after a failure without a value.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// No secret of ours is larger; a wrong path must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Shorter than the 10 s that Lambda gives a function to start.
const FETCH_TIMEOUT: Duration = Duration::from_secs(8);

/// A secret could not be fetched, or not be used.
#[derive(Debug, Clone, Error)]
#[error("{source_name}: {reason}")]
pub struct SecretError {
    /// [`SecretSource::describe`].
    pub source_name: String,
    /// What is wrong and what to do; never the secret.
    pub reason: String,
    /// Whether a later fetch may succeed; otherwise something is wrong with the configuration.
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

    fn transient_error(&self, reason: impl Display) -> SecretError {
        SecretError { transient: true, ..self.error(reason) }
    }
}

/// A staging label of Secrets Manager, in the order in which passwords are tried. A variable or a file
/// has the current version alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Current,
    /// What a rotation under way will make current.
    Pending,
    Previous,
}

impl Stage {
    const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// The versions of one secret that were fetched and exist. The current one always does.
pub(crate) type Versions = BTreeMap<Stage, SecretString>;

/// When versions are fetched in addition to the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtraVersions {
    None,
    /// Not at the start, but from the next refresh on.
    Previous,
    /// From the first [forced refresh](SecretCache::force_refresh) on.
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "for the database"))]
    PendingAndPrevious,
}

impl ExtraVersions {
    /// What to fetch, in the order in which a rotation moves versions: one that moves meanwhile is
    /// seen twice rather than never.
    fn stages(self, is_start: bool, is_forced: bool) -> &'static [Stage] {
        match self {
            Self::Previous if !is_start => &[Stage::Current, Stage::Previous],
            Self::PendingAndPrevious if is_forced => {
                &[Stage::Pending, Stage::Current, Stage::Previous]
            }
            _ => &[Stage::Current],
        }
    }
}

/// Fetches secrets. Clones share one client of Secrets Manager, which is made at the first fetch
/// from there.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    config: SecretsConfig,
    deferred: bool,
    client: Arc<OnceCell<Client>>,
    /// When the last successful refresh of each secret started.
    fetched_at: Arc<Mutex<BTreeMap<SecretKind, SystemTime>>>,
}

impl Secrets {
    /// With `deferred`, a secret is fetched when it is first needed, so that it does not become part
    /// of a snapshot of the process.
    pub fn new(config: SecretsConfig, deferred: bool) -> Self {
        Self { config, deferred, ..Self::default() }
    }

    fn fetched_at(&self) -> MutexGuard<'_, BTreeMap<SecretKind, SystemTime>> {
        self.fetched_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long ago each secret was last fetched. Secrets that cannot change, or were never fetched,
    /// are left out.
    pub(crate) fn ages(&self, now: SystemTime) -> Vec<(SecretKind, Duration)> {
        self.fetched_at().iter().map(|(kind, at)| (*kind, cache::age(*at, now))).collect()
    }

    /// The text of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the file cannot be read, or Secrets Manager does not return the secret.
    pub async fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        let text = self.fetch_stage(source, Stage::Current).await?;
        text.ok_or_else(|| source.error("there is no such secret, or it has no value"))
    }

    async fn fetch_stage(
        &self,
        source: &SecretSource,
        stage: Stage,
    ) -> Result<Option<SecretString>, SecretError> {
        let text = match &source.place {
            // Boxed: the futures of TLS are large, and rarely needed.
            SecretPlace::SecretsManager(id) => {
                let port = self.config.extension_port;
                let got = Box::pin(secrets_manager::get(&self.client, port, id, stage)).await;
                got.map_err(|e| SecretError { transient: e.transient, ..source.error(e.reason) })?
            }
            _ if stage != Stage::Current => None,
            SecretPlace::Value(value) => {
                // To PEM and JSON it makes no difference.
                let line = value.expose_secret().strip_suffix('\n');
                if line.is_some_and(|line| !line.contains(['\n', '{'])) {
                    let name = source.variable;
                    tracing::warn!("{name}: the line break at its end is no part of it");
                }
                Some(value.clone())
            }
            SecretPlace::File(path) => {
                let path = path.clone();
                // Twice, since the kubelet may be putting another directory in place.
                let read = move || read_text(&path).or_else(|_| read_text(&path));
                let text = task::spawn_blocking(read).await.map_err(io::Error::from).flatten();
                Some(text.map_err(|error| source.error(error))?)
            }
        };
        Ok(text.map(|text| without_line_break(text.expose_secret())))
    }

    /// The versions at these stages, as far as they exist.
    async fn fetch_versions(
        &self,
        source: &SecretSource,
        stages: &[Stage],
    ) -> Result<Versions, SecretError> {
        let fetch = async {
            let mut versions = Versions::new();
            for stage in stages {
                let text = match stage {
                    Stage::Current => Some(self.fetch(source).await?),
                    _ => self.fetch_stage(source, *stage).await?,
                };
                versions.extend(text.map(|text| (*stage, text)));
            }
            Ok(versions)
        };
        // The limits of each call do not cover the search for credentials, and a volume may hang.
        let fetched = timeout(FETCH_TIMEOUT, fetch).await;
        fetched.unwrap_or_else(|_| Err(source.transient_error("did not come within 8 s")))
    }
}

fn read_text(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    let bytes = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("the file is larger than 64 KiB"));
    }
    Ok(text.into())
}

/// The text without the one line break that editors and `echo` add.
pub fn without_line_break(text: &str) -> SecretString {
    let text = text.strip_suffix('\n').unwrap_or(text);
    SecretString::from(text.strip_suffix('\r').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_read_but_for_one_line_break_and_a_bad_file_is_named() {
        let fetch =
            async |place| Secrets::default().fetch(&SecretSource { variable: "X", place }).await;
        let path = std::env::temp_dir().join(format!("secret-file-{}", std::process::id()));
        for (content, secret) in
            [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            std::fs::write(&path, content).unwrap();
            for place in [SecretPlace::Value(content.into()), SecretPlace::File(path.clone())] {
                assert_eq!(fetch(place).await.unwrap().expose_secret(), secret);
            }
        }
        // Too large, and then missing.
        std::fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
        for _ in 0..2 {
            let error = fetch(SecretPlace::File(path.clone())).await.unwrap_err();
            assert!(error.to_string().starts_with("X (file /"), "{error}");
            let _ = std::fs::remove_file(&path);
        }
    }
}
