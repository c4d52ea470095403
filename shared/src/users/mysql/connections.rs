//! The connections to the database: at most so many, and none of them waited for in vain.
//!
//! Why not sqlx's own pool: it says goodbye to a connection that it gives up, and asks
//! each one that is given back whether it lives. On a connection that the network has
//! forgotten, as happens while a process is frozen, both wait without a bound, and hold
//! the place of the connection that would replace it. deadpool leaves all of that to us.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleResult};
use sqlx::{
    Connection, Executor, MySql, MySqlConnection,
    mysql::{MySqlArguments, MySqlQueryResult, MySqlRow},
    query::Query,
};
use tokio::time::timeout;

use super::account::RotatingAccount;
use crate::users::{StoreError, limited};

/// How long to wait for a connection, making one included, and for a secret on the way.
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it still lives before a
/// statement is trusted to it.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_millis(500);

/// A statement with its values.
pub(crate) type Statement = Query<'static, MySql, MySqlArguments>;
/// A statement under way on a connection.
type Running<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// The pool of connections.
pub(crate) struct Connections {
    pool: Pool<RotatingAccount>,
}

impl Connections {
    /// A pool of up to `limit` connections; nothing is connected yet.
    pub(super) fn new(account: RotatingAccount, limit: u32) -> Self {
        let pool = Pool::builder(account).max_size(limit as usize).build();
        Self { pool: pool.expect("only limits of time need a runtime") }
    }

    /// A connection for one statement or transaction.
    async fn lease(&self) -> Result<Lease, sqlx::Error> {
        let lease = timeout(LEASE_LIMIT, self.live_lease()).await;
        lease.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn live_lease(&self) -> Result<Lease, sqlx::Error> {
        loop {
            let pooled = self.pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => error,
                _ => sqlx::Error::PoolClosed,
            })?;
            let mut lease = Lease(Some(pooled));
            if lease.is_alive().await {
                return Ok(lease);
            }
            self.drop_all(lease);
        }
    }

    /// What ended one connection has most likely ended the others as well: to wait for each in
    /// turn would take longer than a lease may.
    fn drop_all(&self, ended: Lease) {
        drop(ended);
        self.pool.retain(|_, _| false);
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn execute(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<MySqlQueryResult, StoreError> {
        self.run(|connection| Box::pin(statement().execute(connection))).await
    }

    /// Runs a statement, and gives its rows.
    pub(crate) async fn fetch(
        &self,
        statement: impl Fn() -> Statement + Send + Sync,
    ) -> Result<Vec<MySqlRow>, StoreError> {
        self.run(|connection| Box::pin(statement().fetch_all(connection))).await
    }

    /// Runs a statement, and once more on a new connection if that one had ended after its
    /// last use, as when the database restarts. Servers say so in many ways; all of them
    /// end here.
    async fn run<T>(
        &self,
        statement: impl for<'c> Fn(&'c mut MySqlConnection) -> Running<'c, T>,
    ) -> Result<T, StoreError> {
        let mut lease = self.lease().await?;
        let mut done = limited(statement(lease.connection())).await;
        // A time-out is waited for but once.
        let had_ended =
            |error: &_| is_connection_error(error) && !matches!(error, StoreError::Timeout);
        if !lease.is_new() && done.as_ref().is_err_and(had_ended) {
            self.drop_all(lease);
            lease = self.lease().await?;
            done = limited(statement(lease.connection())).await;
        }
        lease.end(&done);
        done
    }

    /// A connection on which a transaction is begun, see [`Lease::finish`].
    pub(super) async fn begin(&self) -> Result<Lease, StoreError> {
        let mut lease = self.lease().await?;
        limited(lease.connection().execute("BEGIN")).await?;
        Ok(lease)
    }
}

/// Whether the connection is of no more use: it broke, or a server or a proxy says with this
/// error that it ends, or has become one to a replica. Any other answer of a server is about
/// the statement or its data, and would be the same everywhere.
fn is_connection_error(error: &StoreError) -> bool {
    /// Read-only after a failover; a statement that a proxy's other server has not prepared; a
    /// damaged packet; killed; timed out.
    const NUMBERS: [u16; 9] = [1290, 1792, 1836, 1243, 1615, 1835, 1927, 3169, 4031];
    match error {
        StoreError::Timeout => true,
        StoreError::Database(sqlx::Error::Database(_)) => {
            // A proxy passes a client library's own errors on, and has some from 9000 on.
            let is_listed = |it| NUMBERS.contains(&it) || matches!(it, 2000..3000 | 9000..);
            error.sql_state().is_some_and(|state| state.starts_with("08"))
                || error.number().is_some_and(is_listed)
        }
        StoreError::Database(error) => !matches!(
            error,
            sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::Decode(_)
                | sqlx::Error::RowNotFound
        ),
        _ => false,
    }
}

/// A connection in use. It ends with the lease, without a goodbye, unless [`Lease::end`] is
/// called: after a time-out it is unknown what is still on its way, and a transaction would
/// hold its locks.
pub(super) struct Lease(Option<Object<RotatingAccount>>);

impl Lease {
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.pooled().connection
    }

    fn pooled(&mut self) -> &mut Pooled {
        self.0.as_mut().expect("only the end of a lease takes it")
    }

    /// Whether the connection was made for this lease, so that an error is no news
    /// from the past.
    fn is_new(&mut self) -> bool {
        self.pooled().used.is_none()
    }

    async fn is_alive(&mut self) -> bool {
        let is_trusted = |used: SystemTime| used.elapsed().is_ok_and(|idle| idle <= TRUSTED_IDLE);
        self.pooled().used.is_none_or(is_trusted)
            || matches!(timeout(PING_LIMIT, self.connection().ping()).await, Ok(Ok(())))
    }

    /// Gives the connection back for the next lease, unless this outcome ends it. No
    /// transaction may be open.
    fn end<T>(mut self, outcome: &Result<T, StoreError>) {
        if !outcome.as_ref().is_err_and(is_connection_error) {
            self.pooled().used = Some(SystemTime::now());
            drop(self.0.take());
        }
    }

    /// Ends the transaction, with its changes or without, and gives the outcome of what was done
    /// in it.
    pub(super) async fn finish<T>(
        mut self,
        done: Result<T, StoreError>,
        commits: bool,
    ) -> Result<T, StoreError> {
        if done.as_ref().is_err_and(is_connection_error) {
            return done;
        }
        let end = if commits { "COMMIT" } else { "ROLLBACK" };
        limited(self.connection().execute(end)).await?;
        self.end(&done);
        done
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Taken out of the pool, the connection is not used again.
        drop(self.0.take().map(Object::take));
    }
}

/// A connection in the pool.
pub(super) struct Pooled {
    connection: MySqlConnection,
    /// When it was used last, if it was, by the wall clock: monotonic time stands still while
    /// a process is frozen.
    used: Option<SystemTime>,
}

impl Manager for RotatingAccount {
    type Type = Pooled;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        Ok(Pooled { connection: self.connect().await?, used: None })
    }

    /// See [`Connections::lease`].
    async fn recycle(&self, _: &mut Pooled, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}
