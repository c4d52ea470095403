//! When an e-mail, or a source of requests, may try again.
//!
//! Before a password is checked, the check is noted in the database, in one atomic
//! statement; afterwards it is counted as a failure, or taken back. No more checks run at
//! once than there may be failures before the next lock: those beyond them wait until one has
//! ended. So parallel guesses, over any number of instances, cannot outrun
//! the rule, and parallel logins with the right password are not refused.
//!
//! The rule is that of Amazon Cognito: from the n-th failure in a row on each one locks
//! the e-mail, for 1 s, 2 s, 4 s and so on.

#[cfg(any(feature = "sqlite", test))]
mod count;
mod mysql;
mod rule;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod subject;

pub use rule::Rule;
pub use store::{Admission, ThrottleRow, ThrottleStore};
pub use subject::{Subject, source_name};

use std::{
    fmt,
    sync::{Arc, Once},
    time::{Duration, SystemTime},
};

use axum::http::HeaderMap;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    config::ThrottleConfig,
    serve::PeerAddress,
    users::{Database, StoreError},
};

/// How long a check is believed to be under way, and so the longest that a login may take.
/// A process that died keeps no user out for longer.
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// How often a login that waits looks whether another check has ended.
const POLL: Duration = Duration::from_millis(20);
/// Those who wait for the same subject look one after another, not all at once.
const TURNS: usize = 64;

/// Why a password is not checked.
#[derive(Debug, Error)]
pub enum ThrottleError {
    /// There were too many failures.
    #[error("{subject} locked")]
    Locked {
        /// `e-mail` or `source`.
        subject: &'static str,
        /// For how long still.
        remaining: Duration,
    },
    /// Whether there were is not known: nobody is let through then.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The counts that are kept in `database`.
#[must_use]
pub fn store(database: &Database) -> Arc<dyn ThrottleStore> {
    match database {
        Database::MySql(store) => Arc::new(store.clone()),
        #[cfg(feature = "sqlite")]
        Database::Sqlite(store) => Arc::new(store.clone()),
    }
}

/// Decides who may try.
#[derive(Clone)]
pub struct Throttle {
    store: Arc<dyn ThrottleStore>,
    email: Rule,
    source: Option<Rule>,
    proxy_hops: usize,
    /// Whether the log says that a request had no source.
    unknown_source: Arc<Once>,
    turns: Arc<[Mutex<()>; TURNS]>,
}

impl Throttle {
    /// A throttle that keeps its counts in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, config: &ThrottleConfig) -> Self {
        let turns = Arc::new(std::array::from_fn(|_| Mutex::default()));
        Self {
            store,
            email: Rule::email(config),
            source: Rule::source(config),
            proxy_hops: config.proxy_hops,
            unknown_source: Arc::new(Once::new()),
            turns,
        }
    }

    /// The source of a request with this peer and these headers, where sources have a limit.
    /// A request whose source is not known has none: all of them together would lock each
    /// other out.
    #[must_use]
    pub fn source(&self, peer: Option<PeerAddress>, headers: &HeaderMap) -> Option<Subject> {
        self.source?;
        let source = subject::source(peer, headers, self.proxy_hops);
        if source.is_none() {
            self.unknown_source.call_once(|| {
                tracing::warn!(
                    "LOGIN_SOURCE_LIMIT does not count requests without an address; behind a load \
                     balancer of AWS set TRUSTED_PROXY_HOPS=1"
                );
            });
        }
        source.map(|name| Subject::source(&name))
    }

    /// Notes that a password for `email` is about to be checked, for a request from `source`.
    ///
    /// # Errors
    ///
    /// [`ThrottleError`] if it may not be checked now.
    pub async fn begin(
        &self,
        email: &str,
        source: Option<Subject>,
    ) -> Result<Attempt, ThrottleError> {
        let mut checks = Vec::with_capacity(2);
        if let (Some(rule), Some(source)) = (&self.source, source) {
            checks.push(self.admit(source, rule).await?);
        }
        checks.push(self.admit(Subject::email(email), &self.email).await?);
        Ok(Attempt { checks })
    }

    async fn admit(&self, subject: Subject, rule: &Rule) -> Result<Check, ThrottleError> {
        if let Some(check) = self.try_admit(&subject, rule).await? {
            return Ok(check);
        }
        let _turn = self.turns[subject.spread(TURNS)].lock().await;
        loop {
            if let Some(check) = self.try_admit(&subject, rule).await? {
                return Ok(check);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// `None` while as many checks are under way as may be.
    async fn try_admit(
        &self,
        subject: &Subject,
        rule: &Rule,
    ) -> Result<Option<Check>, ThrottleError> {
        let began = SystemTime::now();
        match self.store.begin(subject, rule, None).await? {
            Admission::Admitted { alone } => Ok(Some(Check {
                store: Arc::clone(&self.store),
                subject: subject.clone(),
                rule: *rule,
                began,
                alone,
                ended: false,
            })),
            Admission::Full => Ok(None),
            Admission::Locked(remaining) => {
                Err(ThrottleError::Locked { subject: subject.kind(), remaining })
            }
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut formatter = formatter.debug_struct("Throttle");
        formatter.field("email", &self.email).field("source", &self.source).finish_non_exhaustive()
    }
}

/// A password that may be checked. Where neither [`Self::failed`] nor [`Self::succeeded`]
/// is said of it, it was not, and counts for nothing.
#[must_use]
pub struct Attempt {
    checks: Vec<Check>,
}

impl Attempt {
    /// The password was wrong. What is locked from now on: `e-mail`, `source`, or both.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the failure could not be counted: nobody must be told then that the
    /// password was wrong.
    pub async fn failed(self) -> Result<Vec<&'static str>, StoreError> {
        let mut locked = Vec::new();
        for mut check in self.checks {
            check.ended = true;
            let Check { store, subject, rule, .. } = &check;
            let failures = store.fail(subject, rule, None).await?;
            if rule.locks(failures) {
                locked.push(subject.kind());
            }
        }
        Ok(locked)
    }

    /// The password was right. Waits only where there were failures to be forgotten; else
    /// what was noted is taken back behind the answer.
    pub async fn succeeded(self) {
        for mut check in self.checks {
            if check.rule.is_cleared_by_success() && !check.alone {
                check.ended = true;
                check.end(true).await;
            }
        }
    }
}

/// One subject of an attempt.
struct Check {
    store: Arc<dyn ThrottleStore>,
    subject: Subject,
    rule: Rule,
    began: SystemTime,
    /// Whether there was nothing beside it: no failure, and no other check.
    alone: bool,
    ended: bool,
}

impl Check {
    async fn end(&self, clear: bool) {
        if let Err(error) = self.store.end(&self.subject, clear).await {
            tracing::warn!(%error, "an ended check was not taken back; it lapses by itself");
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.ended {
            return;
        }
        let ended =
            Self { subject: self.subject.clone(), store: self.store.clone(), ended: true, ..*self };
        runtime.spawn(async move {
            // After a freeze it has lapsed, and what is there now belongs to others.
            if ended.began.elapsed().is_ok_and(|age| age < CHECK_LIMIT) {
                ended.end(false).await;
            }
        });
    }
}
