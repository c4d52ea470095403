//! When an e-mail, or a source of requests, may try again.
//!
//! An attempt is reserved in the database before its password is hashed, then committed as a
//! failure or released. At most as many are reserved at once as there may be failures before the
//! next lock: further ones wait (docs/decisions/throttle.md).

#[cfg(feature = "sqlite")]
mod memory;
mod mysql;
mod rule;

#[cfg(feature = "sqlite")]
pub use memory::MemoryStore;
pub use mysql::{MySqlThrottle, NOW_MS};
pub use rule::{Rule, ThrottleKey};

use std::{
    sync::{Arc, Once},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use axum::http::HeaderMap;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    client_address::{PeerAddress, client_address},
    config::ThrottleConfig,
    database::DatabaseError,
    telemetry::HealthCheck,
};

/// The longest that a login takes. A reservation that is older belongs to a process that died.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a login that waits tries again to reserve its attempt.
const POLL: Duration = Duration::from_millis(20);
/// Logins that wait for the same subject poll one after another, not all at once. So many queues
/// are enough that subjects rarely share one.
const QUEUES: usize = 64;

/// Whether an attempt was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It was: the password may be checked.
    Reserved {
        /// There was no failure and no other reservation.
        is_first: bool,
    },
    /// As many attempts are reserved as there may be failures until the next lock.
    Full,
    /// There were too many failures; nothing is reserved for so long.
    Locked(Duration),
}

/// Counts of failures, shared by all instances. Each call is one atomic step. It is healthy if the
/// database answers, and has the table.
#[async_trait]
pub trait ThrottleStore: HealthCheck {
    /// Reserves an attempt, if the rule permits one.
    async fn reserve(&self, key: &ThrottleKey, rule: &Rule) -> Result<Decision, DatabaseError>;

    /// Turns a reserved attempt into a failure, and returns how many failures there are.
    async fn commit_failure(&self, key: &ThrottleKey, rule: &Rule) -> Result<i64, DatabaseError>;

    /// Releases a reserved attempt, and with `reset` clears the failures.
    async fn release(&self, key: &ThrottleKey, reset: bool) -> Result<(), DatabaseError>;
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
    /// The number of failures is not known: no password is checked then.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Decides whether a password may be checked.
pub struct Throttle {
    store: Arc<dyn ThrottleStore>,
    email_rule: Rule,
    source_rule: Option<Rule>,
    proxy_hops: usize,
    waiting_queues: [Mutex<()>; QUEUES],
}

impl Throttle {
    /// A throttle that keeps its counts in `store`.
    pub fn new(store: Arc<dyn ThrottleStore>, config: &ThrottleConfig) -> Self {
        Self {
            store,
            email_rule: Rule::email(config),
            source_rule: Rule::source(config),
            proxy_hops: config.proxy_hops,
            waiting_queues: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The key of the source of a request with this peer and these headers, if sources have a limit.
    /// A request without an address has none: all such requests would lock each other out.
    pub fn source_key(
        &self,
        peer: Option<PeerAddress>,
        headers: &HeaderMap,
    ) -> Option<ThrottleKey> {
        static WARNED: Once = Once::new();
        self.source_rule.as_ref()?;
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

    /// Reserves an attempt for `email`, in a request from `source`.
    ///
    /// # Errors
    ///
    /// [`ThrottleError`] if no password may be checked now.
    pub async fn reserve(
        &self,
        email: &str,
        source: Option<ThrottleKey>,
    ) -> Result<Attempt<'_>, ThrottleError> {
        let mut attempt = Attempt { throttle: self, reservations: Vec::with_capacity(2) };
        if let (Some(rule), Some(source)) = (&self.source_rule, source) {
            attempt.reserve(source, rule).await?;
        }
        attempt.reserve(ThrottleKey::email(email), &self.email_rule).await?;
        Ok(attempt)
    }
}

/// A reserved attempt. To drop it is to release it: no password was checked.
#[must_use]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    /// Of the source and the e-mail, those that are neither committed nor released.
    reservations: Vec<Reservation<'a>>,
}

struct Reservation<'a> {
    key: ThrottleKey,
    rule: &'a Rule,
    reserved_at: SystemTime,
    is_first: bool,
}

impl<'a> Attempt<'a> {
    /// Waits while as many attempts are reserved as may be.
    async fn reserve(&mut self, key: ThrottleKey, rule: &'a Rule) -> Result<(), ThrottleError> {
        let mut queue_guard = None;
        loop {
            let reserved_at = SystemTime::now();
            match self.throttle.store.reserve(&key, rule).await? {
                Decision::Reserved { is_first } => {
                    self.reservations.push(Reservation { key, rule, reserved_at, is_first });
                    return Ok(());
                }
                Decision::Locked(remaining) => {
                    return Err(ThrottleError::Locked { subject: key.kind(), remaining });
                }
                Decision::Full if queue_guard.is_none() => {
                    let sum: usize = key.as_str().bytes().map(usize::from).sum();
                    queue_guard = Some(self.throttle.waiting_queues[sum % QUEUES].lock().await);
                }
                Decision::Full => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// The password was wrong. Returns what is locked from now on: `e-mail`, `source`, or both.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the failure could not be counted: no client may be told then that
    /// the password was wrong.
    pub async fn commit_failure(mut self) -> Result<Vec<&'static str>, DatabaseError> {
        let mut locked = Vec::new();
        while !self.reservations.is_empty() {
            let Reservation { key, rule, .. } = self.reservations.remove(0);
            let failures = self.throttle.store.commit_failure(&key, rule).await?;
            if rule.lock(failures) > Duration::ZERO {
                locked.push(key.kind());
            }
        }
        Ok(locked)
    }

    /// The password was right. Waits only for a count that it clears; others are released in the
    /// background.
    pub async fn release(mut self) {
        let is_cleared = |it: &mut Reservation<'_>| it.rule.counts_in_a_row && !it.is_first;
        let cleared: Vec<_> = self.reservations.extract_if(.., is_cleared).collect();
        let throttle = self.throttle;
        drop(self);
        for Reservation { key, .. } in cleared {
            release(&*throttle.store, &key, true).await;
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        for Reservation { key, reserved_at, .. } in self.reservations.drain(..) {
            let store = self.throttle.store.clone();
            runtime.spawn(async move {
                // After a freeze it has expired: the row now counts the reservations of others.
                if reserved_at.elapsed().is_ok_and(|age| age < LOGIN_TIMEOUT) {
                    release(&*store, &key, false).await;
                }
            });
        }
    }
}

async fn release(store: &dyn ThrottleStore, key: &ThrottleKey, reset: bool) {
    if let Err(error) = store.release(key, reset).await {
        tracing::warn!(%error, "a reservation was not released; it expires by itself");
    }
}
