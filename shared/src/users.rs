//! Where the users are: who has this e-mail, and what hash is stored for them.

mod connections;
#[cfg(feature = "mysql")]
mod database_url;
mod directory;
#[cfg(feature = "mysql")]
mod mysql;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use directory::{NewUser, UserDirectory, UserRow};
#[cfg(feature = "mysql")]
pub use mysql::MySqlUsers;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteUsers;

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use thiserror::Error;

use crate::{
    config::{DatabaseConfig, Problem},
    secrets::{SecretError, Secrets},
};

/// A user as the database has it.
#[derive(Clone)]
pub struct User {
    /// The id, as text: tables that others made may number or name their rows.
    pub id: String,
    /// The e-mail in its stored spelling.
    pub email: String,
    /// The stored hash, whatever it is.
    pub password: SecretString,
    /// Whether the user is an administrator.
    pub admin: bool,
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The database did not do as asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is out of reach, refuses us, or answers with an error.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// It did not answer in time.
    #[error("the database did not answer within {} s", sql::STATEMENT_LIMIT.as_secs())]
    Timeout,
    /// The table of the throttle is not there, or may not be used.
    #[error("the table of the throttle cannot be used: {0}; run init.sql again")]
    NoThrottle(String),
    /// The e-mail is taken: of the user at this position among those to be added.
    #[error("there is a user with this e-mail already")]
    Duplicate(usize),
}

impl StoreError {
    /// What the server says of the kind of error, if it was the server.
    pub(crate) fn sql_state(&self) -> Option<Cow<'_, str>> {
        let Self::Database(error) = self else { return None };
        error.as_database_error()?.code()
    }
}

/// The database cannot be used as it is configured.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// There is no secret of the account, or it is not what it should be.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The SQLite file cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Secret(error) => error.into(),
            DatabaseError::Store(error) => {
                Self { variable: "DATABASE_URL".into(), reason: error.to_string() }
            }
        }
    }
}

/// A database, with users and with what else is kept beside them.
#[derive(Debug, Clone)]
pub enum Database {
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(MySqlUsers),
    /// A file.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteUsers),
}

impl Database {
    /// Its users.
    #[must_use]
    pub fn users(&self) -> Arc<dyn UserDirectory> {
        match self {
            #[cfg(feature = "mysql")]
            Self::MySql(store) => Arc::new(store.clone()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Arc::new(store.clone()),
        }
    }
}

/// The configured database: MySQL or MariaDB, and for local work SQLite (feature
/// `sqlite`) where the URL begins with `sqlite:`.
///
/// # Errors
///
/// [`DatabaseError`] if there is no secret of the account, or it is not what it should be.
/// Whether the database answers is not asked: it is not needed to start.
#[cfg(feature = "mysql")]
pub async fn open(
    config: DatabaseConfig,
    secrets: &Secrets,
    connections: u32,
) -> Result<Database, DatabaseError> {
    #[cfg(feature = "sqlite")]
    if let Some(path) = sqlite::configured_file(&config, secrets).await? {
        return Ok(Database::Sqlite(SqliteUsers::open(&path).await?));
    }
    Ok(Database::MySql(MySqlUsers::prepare(config, secrets, connections).await?))
}

/// What `login` may do with users, and no more: its database account has the same rights.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The user whose e-mail equals `email` but for ASCII case. The database's
    /// collation never decides: it may only find candidates.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError>;

    /// Stores another hash of the same password, unless the stored one has changed
    /// since `user` was read: a new password must not be undone. `false` if it has.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError>;

    /// Whether the database answers at all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it does not.
    async fn ping(&self) -> Result<(), StoreError>;
}
