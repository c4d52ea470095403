//! The MySQL or MariaDB database: a pool of connections, and statements with a time limit.
//!
//! Why not sqlx's own pool: docs/decisions/database.md.

mod account;
mod connection;
mod options;

use std::time::{Duration, Instant};

use deadpool::managed::Pool;
use metrics::histogram;
use sqlx::{
    MySql, Row, SqlSafeStr,
    mysql::{MySqlArguments, MySqlDatabaseError, MySqlQueryResult, MySqlRow},
    query,
    query::Query,
};
use thiserror::Error;
use tokio::time::timeout;

use crate::{
    config::{DatabaseConfig, SecretKind},
    secrets::{ExtraVersions, SecretError, Secrets, Versions},
    telemetry::metrics::STATEMENT,
};
use account::{ConnectionManager, Passwords};
use connection::PooledConnection;

/// How long one statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);

/// A statement failed.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// There is no connection: to what the first text names, with its account.
    #[error("{0} failed: {1}")]
    Connect(String, sqlx::Error),
    /// The connection broke, or the database answered with an error.
    #[error("the database failed: {0}")]
    Sql(#[from] sqlx::Error),
    /// A table is not as it has to be.
    #[error("{problem}: {error}; {advice}")]
    Table {
        /// What is wrong.
        problem: &'static str,
        /// The server's.
        error: Box<DatabaseError>,
        /// What to do.
        advice: &'static str,
    },
    /// The database did not answer in time.
    #[error("the database did not answer within {} s", STATEMENT_TIMEOUT.as_secs())]
    Timeout,
}

impl DatabaseError {
    /// The number of the server's error, if the server answered with one.
    pub fn number(&self) -> Option<u16> {
        error_number(self.sql_error()?)
    }

    /// Whether the database is within reach, but refuses the account or the statement.
    pub fn is_refusal(&self) -> bool {
        self.number().is_some() || self.sql_error().is_some_and(account::is_cooldown)
    }

    fn sql_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Connect(_, error) | Self::Sql(error) => Some(error),
            Self::Table { error, .. } => error.sql_error(),
            Self::Timeout => None,
        }
    }
}

fn error_number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// The statement's result, or an error once it has taken too long.
pub(crate) async fn with_timeout<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, DatabaseError> {
    let begun = Instant::now();
    let result = timeout(STATEMENT_TIMEOUT, statement).await;
    histogram!(STATEMENT).record(begun.elapsed());
    Ok(result.map_err(|_| DatabaseError::Timeout)??)
}

/// What a statement returned.
#[derive(Default)]
pub struct QueryResult {
    /// The rows of a `SELECT`.
    pub rows: Vec<MySqlRow>,
    /// What a change did. Each row that it found counts as affected, changed or not. The insert id
    /// is 0 if there is none.
    pub change: MySqlQueryResult,
}

fn statement(sql: impl SqlSafeStr, values: &[&str]) -> Query<'static, MySql, MySqlArguments> {
    values.iter().fold(query(sql), |query, value| query.bind(*value))
}

/// A pool of connections to the configured database.
#[derive(Clone)]
pub struct Database(Pool<ConnectionManager>);

impl Database {
    /// A pool of up to `max_connections`; each is made when it is first needed.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the account's secret is missing or cannot be used.
    pub async fn connect_lazy(
        config: DatabaseConfig,
        secrets: &Secrets,
        max_connections: u32,
    ) -> Result<Self, SecretError> {
        let source = config.secret().clone();
        let read = move |versions: &Versions, _| Passwords::read(&config, versions);
        let extra = ExtraVersions::PendingAndPrevious;
        let passwords = secrets.cache(SecretKind::Database, source, extra, read).await?;
        let pool = Pool::builder(ConnectionManager(passwords)).max_size(max_connections as usize);
        Ok(Self(pool.build().expect("only time limits need a runtime")))
    }

    /// Runs a statement, once more on a new connection if the first had ended since its last use.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if there is no connection, or the statement fails.
    pub async fn query(
        &self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<QueryResult, DatabaseError> {
        let sql = sql.into_sql_str();
        let mut connection = PooledConnection::acquire(&self.0).await?;
        let mut result = connection.query(statement(sql.clone(), values)).await;
        // A statement that timed out is not repeated: the login would wait twice.
        let is_stale = connection.is_broken && !connection.is_new;
        if is_stale && !matches!(result, Err(DatabaseError::Timeout)) {
            drop(connection);
            connection::close_idle(&self.0);
            connection = PooledConnection::acquire(&self.0).await?;
            result = connection.query(statement(sql, values)).await;
        }
        connection.release();
        result
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if there is no connection, or the statement fails.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        let mut connection = PooledConnection::acquire(&self.0).await?;
        connection.query("BEGIN").await?;
        Ok(Transaction(connection))
    }
}

/// An open transaction. To drop it is to close its connection, which rolls it back.
pub struct Transaction(PooledConnection);

impl Transaction {
    /// Runs a statement.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the statement fails.
    pub async fn query(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<QueryResult, DatabaseError> {
        self.0.query(statement(sql, values)).await
    }

    /// Commits if `outcome` is `Ok`, rolls back otherwise, and returns `outcome`.
    ///
    /// # Errors
    ///
    /// That of `outcome`, or a [`DatabaseError`] if the transaction could not be ended.
    pub async fn finish<T, E: From<DatabaseError>>(
        mut self,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        // To close a broken connection rolls back, but a COMMIT has to be confirmed.
        if outcome.is_ok() || !self.0.is_broken {
            self.0.query(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
            self.0.release();
        }
        outcome
    }
}

/// A column's text in UTF-8, of a column of texts or of bytes; empty for anything else.
///
/// # Errors
///
/// [`sqlx::Error`] if there is no such column.
pub fn text(row: &MySqlRow, column: &str) -> Result<String, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(column)?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default())
}
