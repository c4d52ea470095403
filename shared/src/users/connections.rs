//! The connections of a store: at most so many, and none of them waited for in vain.
//!
//! Why not sqlx's own pool: it says goodbye to a connection that it gives up, and asks
//! each one that is given back whether it lives. On a connection that the network has
//! forgotten, as happens while a process is frozen, both wait without a bound, and hold
//! the place of the connection that would replace it. deadpool leaves all of that to us.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use sqlx::Connection;
use tokio::time::timeout;

use super::{StoreError, sql::limited};

/// How long to wait for a connection, making one included, and for a secret on the way.
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it still lives before a
/// statement is trusted to it.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_millis(500);

/// As whom, and how, to connect. It may change while the process lives.
#[async_trait]
pub(super) trait Account<C>: Send + Sync + 'static {
    async fn connect(&self) -> Result<C, sqlx::Error>;
}

/// A statement under way on a connection.
pub(crate) type Running<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// The pool of a store.
pub(crate) struct Connections<C: Connection + 'static> {
    pool: Pool<Connector<C>>,
}

impl<C: Connection + 'static> Connections<C> {
    /// A pool with so many places; nothing is connected yet.
    pub(super) fn new(account: impl Account<C>, places: u32) -> Self {
        let account = Box::new(account);
        let pool =
            Pool::builder(Connector { account, silence: Mutex::new(SystemTime::UNIX_EPOCH) })
                .max_size(places as usize)
                .build();
        Self { pool: pool.expect("only limits of time need a runtime") }
    }

    /// A connection for one statement or transaction.
    pub(super) async fn lease(&self) -> Result<Lease<C>, sqlx::Error> {
        match timeout(LEASE_LIMIT, self.pool.get()).await {
            Ok(Ok(pooled)) => Ok(Lease(Some(pooled))),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(_)) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Runs `statement`, and once more on a new connection if that one had ended after its
    /// last use, as when the database restarts. Servers say so in many ways; all of them
    /// end here.
    pub(crate) async fn run<T>(
        &self,
        statement: impl for<'c> Fn(&'c mut C) -> Running<'c, T>,
    ) -> Result<T, StoreError> {
        let mut lease = self.lease().await?;
        let mut done = limited(statement(&mut lease)).await;
        if !lease.is_new() && done.as_ref().is_err_and(may_be_old_news) {
            lease = self.renew(lease).await?;
            done = limited(statement(&mut lease)).await;
        }
        if done.is_ok() {
            lease.keep();
        }
        done
    }

    /// A new connection in place of one that failed. What ended that one has most
    /// likely ended the others as well.
    pub(super) async fn renew(&self, failed: Lease<C>) -> Result<Lease<C>, sqlx::Error> {
        drop(failed);
        self.pool.retain(|_, _| false);
        self.lease().await
    }
}

/// Whether another connection may give another result. A time-out is waited for but once,
/// and what is wrong with a statement or its data is wrong everywhere.
fn may_be_old_news(error: &StoreError) -> bool {
    let state = error.sql_state();
    let is_about_the_statement =
        state.is_some_and(|state| ["23", "40", "42"].iter().any(|class| state.starts_with(class)));
    matches!(error, StoreError::Database(_)) && !is_about_the_statement
}

/// The account holds the password.
impl<C: Connection + 'static> fmt::Debug for Connections<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// A connection in use. It ends with the lease, without a goodbye, unless it is kept:
/// after an error or a time-out nobody knows what is still on its way, and a transaction
/// would hold its locks.
pub(super) struct Lease<C: Connection + 'static>(Option<Object<Connector<C>>>);

impl<C: Connection + 'static> Lease<C> {
    /// Whether the connection was made for this lease, so that an error is no news
    /// from the past.
    pub(super) fn is_new(&self) -> bool {
        Object::metrics(self.pooled()).recycle_count == 0
    }

    /// Gives the connection back for the next lease.
    pub(super) fn keep(mut self) {
        if let Some(mut pooled) = self.0.take() {
            pooled.used = SystemTime::now();
        }
    }

    fn pooled(&self) -> &Object<Connector<C>> {
        self.0.as_ref().expect("only the end of a lease takes it")
    }
}

impl<C: Connection + 'static> Deref for Lease<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.pooled().connection
    }
}

impl<C: Connection + 'static> DerefMut for Lease<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0.as_mut().expect("only the end of a lease takes it").connection
    }
}

impl<C: Connection + 'static> Drop for Lease<C> {
    fn drop(&mut self) {
        // Taken out of its place, the connection is not used again.
        drop(self.0.take().map(Object::take));
    }
}

/// A connection in its place.
struct Pooled<C> {
    connection: C,
    /// When it was used last, by the wall clock: monotonic time stands still while a
    /// process is frozen.
    used: SystemTime,
}

/// Makes connections, and decides which can be used again.
struct Connector<C: Connection + 'static> {
    account: Box<dyn Account<C>>,
    /// When a connection was last found silent. Those that were used before have most
    /// likely died with it: to wait for each in turn would take longer than a lease may.
    silence: Mutex<SystemTime>,
}

impl<C: Connection + 'static> Manager for Connector<C> {
    type Type = Pooled<C>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled<C>, sqlx::Error> {
        let connection = self.account.connect().await?;
        Ok(Pooled { connection, used: SystemTime::now() })
    }

    async fn recycle(&self, pooled: &mut Pooled<C>, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if pooled.used.elapsed().is_ok_and(|idle| idle <= TRUSTED_IDLE) {
            return Ok(());
        }
        let silence = *self.silence();
        // Unless the clock was set back since.
        if pooled.used <= silence && silence <= SystemTime::now() {
            return Err(RecycleError::message("another one did not answer"));
        }
        if let Ok(alive) = timeout(PING_LIMIT, pooled.connection.ping()).await {
            return alive.map_err(RecycleError::Backend);
        }
        *self.silence() = SystemTime::now();
        Err(RecycleError::message("no answer"))
    }
}

impl<C: Connection + 'static> Connector<C> {
    fn silence(&self) -> MutexGuard<'_, SystemTime> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
