//! Where the users are: who has this e-mail, and what hash is stored for them.

mod connections;
mod database_url;
mod mysql;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use mysql::{Column, Inspection, MySqlUsers, Trial};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteUsers;

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::mysql::MySqlDatabaseError;
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
    /// The column `password` cannot hold a hash of so many bytes; nothing was changed.
    #[error(
        "the column `password` of the table `user` is too short: it has to hold {0} characters, \
         and has 255 in init.sql"
    )]
    TooLong(usize),
    /// The database stored something else than it was given; that was taken back.
    #[error(
        "the database does not keep what is written to the table `user`; look at the type of the \
         column `admin` and at triggers"
    )]
    NotKept,
}

impl StoreError {
    /// What the server says of the kind of error, if it was the server.
    pub(crate) fn sql_state(&self) -> Option<Cow<'_, str>> {
        let Self::Database(error) = self else { return None };
        error.as_database_error()?.code()
    }

    /// The server's number of the error, if it was MySQL or MariaDB.
    pub(crate) fn number(&self) -> Option<u16> {
        let Self::Database(error) = self else { return None };
        let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(error.number())
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
    /// What the database keeps is read back; the old hash stays where that is another.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails, or does not keep the hash.
    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError>;

    /// Whether the database answers at all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it does not.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A user to be added.
#[derive(Clone)]
pub struct NewUser {
    /// The e-mail, in the spelling that tokens will carry.
    pub email: String,
    /// A hash, never a plain text.
    pub hash: String,
    /// Whether the user is an administrator.
    pub admin: bool,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NewUser").field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// A user in a listing.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// When the user was added, UTC, as the database writes it; `None` where it has no such
    /// time.
    pub created_at: Option<String>,
    /// When the user was last changed, in the same way.
    pub updated_at: Option<String>,
}

/// What `auth-admin` may do with users, beside what `login` may.
#[async_trait]
pub trait UserDirectory: UserStore {
    /// Adds users, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Duplicate`] with the position of the first user whose e-mail is
    /// taken; another [`StoreError`] if the database is out of reach or fails.
    async fn add(&self, users: &[NewUser]) -> Result<(), StoreError>;

    /// Stores a hash of a new password. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError>;

    /// Makes a user an administrator, or no longer one. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError>;

    /// Removes a user. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn remove(&self, email: &str) -> Result<bool, StoreError>;

    /// Up to `limit` users in the order of their ids, those behind the id `after`. What a row
    /// or the table lacks is left empty.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn page(&self, after: Option<&str>, limit: u32) -> Result<Vec<UserRow>, StoreError>;
}
