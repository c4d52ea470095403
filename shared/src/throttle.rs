//! When an e-mail, or a source of requests, may try again.
//!
//! An attempt is reserved in the database before its password is checked, then committed as a
//! failure or released. At most as many are reserved at once as there may be failures before the
//! next lock: further ones wait (docs/decisions/throttle.md).

#[cfg(feature = "sqlite")]
mod memory;
mod mysql;
mod rule;

#[cfg(feature = "sqlite")]
pub use memory::MemoryStore;
pub use mysql::ThrottleRow;
pub use rule::{Rule, ThrottleKey};

use std::{
    sync::{Arc, Once},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use axum::http::HeaderMap;
use thiserror::Error;
use tokio::sync::Mutex;

#[cfg(feature = "sqlite")]
use crate::users::SqliteUsers;
use crate::{
    client_address::{PeerAddress, client_address},
    config::{DatabaseConfig, Problem, ThrottleConfig},
    secrets::Secrets,
    users::{MySqlUsers, StoreError, UserStore},
};

/// The longest that a login takes. The check of a process that died keeps no user out for longer.
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// How often a login that waits looks whether another check has ended.
const POLL: Duration = Duration::from_millis(20);
/// Those who wait for the same subject look one after another, not all at once.
const TURNS: usize = 64;

/// Whether a password may be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It may.
    Reserved {
        /// There was no failure, and no other check.
        alone: bool,
    },
    /// As many checks are under way as there may be failures until the next lock.
    Full,
    /// There were too many failures; for so long nothing is checked.
    Locked(Duration),
}

/// Counts of failures, shared by all instances. Each call is one atomic step.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Reserves a check, if it may be made.
    async fn reserve(&self, subject: &ThrottleKey, rule: &Rule) -> Result<Reservation, StoreError>;

    /// Turns a reserved check into a failure, and says how many there are.
    async fn commit_failure(&self, subject: &ThrottleKey, rule: &Rule) -> Result<i64, StoreError>;

    /// Takes a reserved check back, and with `clear` forgets the failures.
    async fn release(&self, subject: &ThrottleKey, clear: bool) -> Result<(), StoreError>;
}

/// The configured database, of users and of counts: MySQL or MariaDB, and for local work
/// SQLite (feature `sqlite`) where the URL begins with `sqlite:`. It is not connected to yet.
///
/// # Errors
///
/// A [`Problem`] if there is no secret of the account, or it is not what it should be.
pub async fn open(
    config: DatabaseConfig,
    secrets: &Secrets,
    connections: u32,
) -> Result<(Arc<dyn UserStore>, Arc<dyn ThrottleStore>), Problem> {
    #[cfg(feature = "sqlite")]
    if let Some(users) = SqliteUsers::configured(&config, secrets).await? {
        return Ok((Arc::new(users), Arc::new(MemoryStore::default())));
    }
    let store = MySqlUsers::prepare(config, secrets, connections).await?;
    Ok((Arc::new(store.clone()), Arc::new(store)))
}

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
    /// Whether there were is not known: no password is checked then.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides who may try.
#[derive(Clone)]
pub struct Throttle {
    store: Arc<dyn ThrottleStore>,
    email: Arc<Rule>,
    source: Option<Arc<Rule>>,
    proxy_hops: usize,
    turns: Arc<[Mutex<()>; TURNS]>,
}

impl Throttle {
    /// A throttle that keeps its counts in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, config: &ThrottleConfig) -> Self {
        Self {
            store,
            email: Arc::new(Rule::email(config)),
            source: Rule::source(config).map(Arc::new),
            proxy_hops: config.proxy_hops,
            turns: Arc::new(std::array::from_fn(|_| Mutex::default())),
        }
    }

    /// The source of a request with this peer and these headers, where sources have a limit. An
    /// unknown one is not counted: all such requests would lock each other out.
    #[must_use]
    pub fn source(&self, peer: Option<PeerAddress>, headers: &HeaderMap) -> Option<ThrottleKey> {
        static WARNED: Once = Once::new();
        self.source.as_ref()?;
        let address = client_address(peer, headers, self.proxy_hops);
        if address.is_none() {
            WARNED.call_once(|| {
                tracing::warn!(
                    "LOGIN_SOURCE_LIMIT does not count requests without an address; behind a load \
                     balancer of AWS set TRUSTED_PROXY_HOPS=1"
                );
            });
        }
        address.map(ThrottleKey::source)
    }

    /// Reserves a check of a password for `email`, for a request from `source`.
    ///
    /// # Errors
    ///
    /// [`ThrottleError`] if it may not be checked now.
    pub async fn reserve(
        &self,
        email: &str,
        source: Option<ThrottleKey>,
    ) -> Result<Attempt, ThrottleError> {
        let mut checks = Vec::with_capacity(2);
        if let (Some(rule), Some(source)) = (&self.source, source) {
            checks.push(self.check(source, rule).await?);
        }
        checks.push(self.check(ThrottleKey::email(email), &self.email).await?);
        Ok(Attempt { checks })
    }

    /// Waits while as many checks are under way as may be.
    async fn check(&self, subject: ThrottleKey, rule: &Arc<Rule>) -> Result<Check, ThrottleError> {
        let mut turn = None;
        loop {
            let began = SystemTime::now();
            match self.store.reserve(&subject, rule).await? {
                Reservation::Reserved { alone } => {
                    let (store, rule) = (self.store.clone(), rule.clone());
                    return Ok(Check { store, subject, rule, began, alone, ended: false });
                }
                Reservation::Locked(remaining) => {
                    return Err(ThrottleError::Locked { subject: subject.kind(), remaining });
                }
                Reservation::Full if turn.is_none() => {
                    let sum: usize = subject.as_str().bytes().map(usize::from).sum();
                    turn = Some(self.turns[sum % TURNS].lock().await);
                }
                Reservation::Full => tokio::time::sleep(POLL).await,
            }
        }
    }
}

/// A password that may be checked. Dropped before, it was not checked and counts for nothing.
#[must_use]
pub struct Attempt {
    checks: Vec<Check>,
}

impl Attempt {
    /// The password was wrong. What is locked from now on: `e-mail`, `source`, or both.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the failure could not be counted: no client may be told then that
    /// the password was wrong.
    pub async fn commit_failure(self) -> Result<Vec<&'static str>, StoreError> {
        let mut locked = Vec::new();
        for mut check in self.checks {
            check.ended = true;
            let failures = check.store.commit_failure(&check.subject, &check.rule).await?;
            if check.rule.lock(failures) > 0 {
                locked.push(check.subject.kind());
            }
        }
        Ok(locked)
    }

    /// The password was right. Waits only where there are failures to forget.
    pub async fn release(self) {
        for mut check in self.checks {
            if check.rule.is_cleared_by_success() && !check.alone {
                check.ended = true;
                release(&*check.store, &check.subject, true).await;
            }
        }
    }
}

/// One subject of an attempt.
struct Check {
    store: Arc<dyn ThrottleStore>,
    subject: ThrottleKey,
    rule: Arc<Rule>,
    began: SystemTime,
    alone: bool,
    ended: bool,
}

impl Drop for Check {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.ended {
            return;
        }
        let (store, subject, began) = (self.store.clone(), self.subject.clone(), self.began);
        runtime.spawn(async move {
            // After a freeze it has lapsed, and what is there now belongs to others.
            if began.elapsed().is_ok_and(|age| age < CHECK_LIMIT) {
                release(&*store, &subject, false).await;
            }
        });
    }
}

async fn release(store: &dyn ThrottleStore, subject: &ThrottleKey, clear: bool) {
    if let Err(error) = store.release(subject, clear).await {
        tracing::warn!(%error, "an ended check was not taken back; it lapses by itself");
    }
}
