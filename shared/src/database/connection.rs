//! One connection of the pool: in use, or idle.
//!
//! The pool holds slots, and an idle connection is in a slot. To acquire a connection is to take it
//! out of its slot; to release it is to put it back. A slot that returns to the pool empty is
//! discarded, and the pool makes a new connection.

use std::time::{Duration, SystemTime};

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use futures_util::TryStreamExt;
use sqlx::{Connection, Either, Execute, Executor, MySql, MySqlConnection};
use tokio::time::timeout;

use super::{DatabaseError, QueryResult, account::ConnectionManager, with_timeout};

/// How long to wait for a connection, including its secret and the log-in.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is pinged before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection in use. Dropped before [`release`](Self::release), it is closed without a goodbye:
/// after a time-out a reply may still arrive, and an open transaction would hold its locks.
pub(super) struct PooledConnection {
    connection: MySqlConnection,
    /// Whether the connection was made for this use; another may have ended since its last one.
    pub(super) is_new: bool,
    pub(super) is_broken: bool,
    /// Empty until the connection is released.
    slot: Object<ConnectionManager>,
}

impl PooledConnection {
    /// A live connection for one statement or transaction.
    pub(super) async fn acquire(pool: &Pool<ConnectionManager>) -> Result<Self, DatabaseError> {
        let acquire = async {
            loop {
                let mut slot = pool.get().await.map_err(|error| match error {
                    PoolError::Backend(error) => error,
                    _ => sqlx::Error::PoolClosed,
                })?;
                let Some((mut connection, idle_since)) = slot.take() else { continue };
                let is_new = Object::metrics(&slot).recycle_count == 0;
                if is_new
                    || idle_since.elapsed().is_ok_and(|idle| idle <= TRUSTED_IDLE)
                    || matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(())))
                {
                    return Ok(Self { connection, is_new, is_broken: false, slot });
                }
                close_idle(pool);
            }
        };
        let acquired = timeout(ACQUIRE_TIMEOUT, acquire).await;
        acquired
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(|error| DatabaseError::Connect(pool.manager().describe(), error))
    }

    /// Runs a prepared statement, or as a text what cannot be prepared, such as `BEGIN`.
    pub(super) async fn query(
        &mut self,
        statement: impl Execute<'static, MySql> + 'static,
    ) -> Result<QueryResult, DatabaseError> {
        let result = with_timeout(async {
            let mut result = QueryResult::default();
            let mut items = self.connection.fetch_many(statement);
            while let Some(item) = items.try_next().await? {
                match item {
                    Either::Left(change) => result.change = change,
                    Either::Right(row) => result.rows.push(row),
                }
            }
            Ok(result)
        });
        let result = result.await;
        self.is_broken |= result.as_ref().is_err_and(is_connection_error);
        result
    }

    /// Returns the connection to the pool, unless it is broken. No transaction may be open.
    pub(super) fn release(mut self) {
        if !self.is_broken {
            *self.slot = Some((self.connection, SystemTime::now()));
        }
    }
}

/// Closes all idle connections. What ended one has most likely ended the others too: to wait for
/// each in turn would take longer than [`ACQUIRE_TIMEOUT`].
pub(super) fn close_idle(pool: &Pool<ConnectionManager>) {
    pool.retain(|_, _| false);
}

/// Whether the connection cannot be used any more: it broke, a server or a proxy says that it ends,
/// or it now leads to a replica. Any other answer of a server concerns the statement or its data.
fn is_connection_error(error: &DatabaseError) -> bool {
    /// Read-only after a failover; a statement that a proxy's other server has not prepared; a
    /// damaged packet; killed; timed out.
    const NUMBERS: [u16; 9] = [1290, 1792, 1836, 1243, 1615, 1835, 1927, 3169, 4031];
    match error {
        DatabaseError::Sql(sqlx::Error::Database(answer)) => {
            // A proxy passes on a client library's own errors, and has some from 9000 on.
            let is_listed = |it| NUMBERS.contains(&it) || matches!(it, 2000..3000 | 9000..);
            answer.code().is_some_and(|sql_state| sql_state.starts_with("08"))
                || error.number().is_some_and(is_listed)
        }
        _ => true,
    }
}

impl Manager for ConnectionManager {
    /// An idle connection, and since when by the wall clock: monotonic time stands still while a
    /// process is frozen.
    type Type = Option<(MySqlConnection, SystemTime)>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Self::Type, sqlx::Error> {
        Ok(Some((self.connect().await?, SystemTime::now())))
    }

    async fn recycle(&self, idle: &mut Self::Type, _: &Metrics) -> RecycleResult<sqlx::Error> {
        idle.as_ref().map(drop).ok_or(RecycleError::message("the connection was not released"))
    }
}
