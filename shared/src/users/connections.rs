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
        let ended = |error: &StoreError| ends_the_connection(error) && !is_timeout(error);
        if !lease.is_new() && done.as_ref().is_err_and(ended) {
            lease = self.renew(lease).await?;
            done = limited(statement(&mut lease)).await;
        }
        lease.end(&done);
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

/// A time-out is waited for but once.
fn is_timeout(error: &StoreError) -> bool {
    matches!(error, StoreError::Timeout)
}

/// Whether the connection is of no more use: it broke, or a server or a proxy says with this
/// error that it ends, or has become one to a replica. Any other answer of a server is about
/// the statement or its data, and would be the same everywhere.
fn ends_the_connection(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Database(_)) => {
            let state = error.sql_state();
            state.is_some_and(|state| state.starts_with("08")) || number_ends_the_connection(error)
        }
        StoreError::Database(
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound,
        )
        | StoreError::NoThrottle(_)
        | StoreError::Duplicate(_)
        | StoreError::TooLong(_)
        | StoreError::NotKept => false,
        StoreError::Database(_) | StoreError::Timeout => true,
    }
}

fn number_ends_the_connection(error: &StoreError) -> bool {
    /// Read-only after a failover; a statement that a proxy's other server has not prepared; a
    /// damaged packet; killed; timed out.
    const NUMBERS: [u16; 9] = [1290, 1792, 1836, 1243, 1615, 1835, 1927, 3169, 4031];
    // A proxy passes a client library's own errors on, and has some from 9000 on.
    error.number().is_some_and(|it| NUMBERS.contains(&it) || matches!(it, 2000..3000 | 9000..))
}

/// The account holds the password.
impl<C: Connection + 'static> fmt::Debug for Connections<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// A connection in use. It ends with the lease, without a goodbye, unless [`Lease::end`] is
/// called: after a time-out it is unknown what is still on its way, and a transaction would
/// hold its locks.
pub(super) struct Lease<C: Connection + 'static>(Option<Object<Connector<C>>>);

impl<C: Connection + 'static> Lease<C> {
    /// Whether the connection was made for this lease, so that an error is no news
    /// from the past.
    pub(super) fn is_new(&self) -> bool {
        Object::metrics(self.pooled()).recycle_count == 0
    }

    /// Gives the connection back for the next lease, unless this outcome ends it. No
    /// transaction may be open.
    pub(super) fn end<T>(mut self, outcome: &Result<T, StoreError>) {
        if outcome.as_ref().is_err_and(ends_the_connection) {
            return;
        }
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
