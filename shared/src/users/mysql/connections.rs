//! The connections to the database: at most so many, and none of them waited for in vain.
//!
//! Why not sqlx's own pool: docs/decisions/database.md.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use sqlx::{
    Connection, Executor, MySql, MySqlConnection, SqlSafeStr,
    mysql::{MySqlArguments, MySqlQueryResult, MySqlRow},
    query,
    query::Query,
};
use tokio::time::timeout;

use super::account::RotatingAccount;
use crate::users::{StoreError, limited};

/// How long to wait for a connection, making one included, and for a secret on the way.
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is pinged before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_millis(500);

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

    /// A live connection for one statement or transaction.
    async fn lease(&self) -> Result<Lease, sqlx::Error> {
        let lease = async {
            loop {
                let mut slot = self.pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => error,
                    _ => sqlx::Error::PoolClosed,
                })?;
                let Some(Idle { mut connection, since }) = slot.take() else { continue };
                let is_new = Object::metrics(&slot).recycle_count == 0;
                if is_new
                    || since.elapsed().is_ok_and(|idle| idle <= TRUSTED_IDLE)
                    || matches!(timeout(PING_LIMIT, connection.ping()).await, Ok(Ok(())))
                {
                    return Ok(Lease { connection, is_new, slot });
                }
                self.drop_idle();
            }
        };
        timeout(LEASE_LIMIT, lease).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// What ended one connection has most likely ended the others, too: to wait for each in turn
    /// would take longer than a lease may.
    fn drop_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn execute(
        &self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<MySqlQueryResult, StoreError> {
        let sql = sql.into_sql_str();
        self.run(|connection| Box::pin(statement(sql.clone(), values).execute(connection))).await
    }

    /// Runs a statement, and gives its rows.
    pub(crate) async fn fetch(
        &self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<Vec<MySqlRow>, StoreError> {
        let sql = sql.into_sql_str();
        self.run(|connection| Box::pin(statement(sql.clone(), values).fetch_all(connection))).await
    }

    /// Runs a statement, once more on a new connection if that one had ended since its last use.
    async fn run<T>(
        &self,
        statement: impl for<'c> Fn(&'c mut MySqlConnection) -> Running<'c, T>,
    ) -> Result<T, StoreError> {
        let mut lease = self.lease().await?;
        let mut done = limited(statement(&mut lease.connection)).await;
        // A time-out is waited for but once.
        let had_ended =
            |error: &_| is_connection_error(error) && !matches!(error, StoreError::Timeout);
        if !lease.is_new && done.as_ref().is_err_and(had_ended) {
            drop(lease);
            self.drop_idle();
            lease = self.lease().await?;
            done = limited(statement(&mut lease.connection)).await;
        }
        lease.end(&done);
        done
    }

    /// A connection on which a transaction is begun, see [`Lease::finish`].
    pub(super) async fn begin(&self) -> Result<Lease, StoreError> {
        let mut lease = self.lease().await?;
        limited(lease.connection.execute("BEGIN")).await?;
        Ok(lease)
    }
}

/// A statement with values for its placeholders.
pub(super) fn statement(
    sql: impl SqlSafeStr,
    values: &[&str],
) -> Query<'static, MySql, MySqlArguments> {
    values.iter().fold(query(sql), |query, value| query.bind(*value))
}

/// Whether the connection is of no more use: it broke, or a server or a proxy says that it ends, or
/// has become one to a replica. Any other answer of a server is about the statement or its data.
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

/// A connection in use. It ends with the lease, without a goodbye, unless [`Lease::end`] gives it
/// back: after a time-out a reply may still be on its way, and a transaction would hold its locks.
pub(super) struct Lease {
    pub(super) connection: MySqlConnection,
    /// Whether the connection was made for this lease: an error is no news from the past then.
    is_new: bool,
    /// Empty until the connection is given back.
    slot: Object<RotatingAccount>,
}

impl Lease {
    /// Gives the connection back, unless this outcome ends it. No transaction may be open.
    fn end<T>(mut self, outcome: &Result<T, StoreError>) {
        if !outcome.as_ref().is_err_and(is_connection_error) {
            *self.slot = Some(Idle { connection: self.connection, since: SystemTime::now() });
        }
    }

    /// Ends the transaction, without its changes after an error, and gives back what was done in it.
    pub(super) async fn finish<T>(mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.as_ref().is_err_and(is_connection_error) {
            return done;
        }
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        limited(self.connection.execute(end)).await?;
        self.end(&done);
        done
    }
}

/// A connection at rest.
pub(super) struct Idle {
    connection: MySqlConnection,
    /// By the wall clock: monotonic time stands still while a process is frozen.
    since: SystemTime,
}

impl Manager for RotatingAccount {
    type Type = Option<Idle>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Option<Idle>, sqlx::Error> {
        Ok(Some(Idle { connection: self.connect().await?, since: SystemTime::now() }))
    }

    async fn recycle(&self, idle: &mut Option<Idle>, _: &Metrics) -> RecycleResult<sqlx::Error> {
        idle.as_ref().map(drop).ok_or(RecycleError::message("it was not given back"))
    }
}
