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

use std::{fmt, sync::Arc};

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
    /// The e-mail is taken: of the user at this position among those to be added.
    #[error("there is a user with this e-mail already")]
    Duplicate(usize),
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

/// The configured store: MySQL or MariaDB, and for local work SQLite (feature
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
) -> Result<Arc<dyn UserDirectory>, DatabaseError> {
    #[cfg(feature = "sqlite")]
    if let Some(path) = sqlite::configured_file(&config, secrets).await? {
        return Ok(Arc::new(SqliteUsers::open(&path).await?));
    }
    Ok(Arc::new(MySqlUsers::prepare(config, secrets, connections).await?))
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
