//! Where the users are: who has this e-mail, and what hash is stored for them.

mod mysql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use mysql::{Column, Inspection, MySqlUsers, Trial};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteUsers;

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::mysql::MySqlDatabaseError;
use thiserror::Error;

use crate::telemetry::metrics;

/// How long one statement may take.
const STATEMENT_LIMIT: Duration = Duration::from_secs(3);

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

/// Without the e-mail, which is not for logs.
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
    #[error("the database did not answer within {} s", STATEMENT_LIMIT.as_secs())]
    Timeout,
    /// The table of the throttle is not there, or may not be used.
    #[error("the table of the throttle cannot be used: {0}; run init.sql again")]
    NoThrottle(String),
    /// The table of users is that of another system.
    #[error(
        "the table `user` is not as login needs it: {0}; run docs/upgrade-from-flask.sql if it is \
         the Flask service's, or else make a view (docs/moving-over.md)"
    )]
    NoColumn(String),
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

    /// [`error_number`].
    fn number(&self) -> Option<u16> {
        let Self::Database(error) = self else { return None };
        error_number(error)
    }
}

/// The server's number of the error, if it was MySQL or MariaDB.
fn error_number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// The statement's result, or an error once it has taken too long.
async fn limited<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, StoreError> {
    let begun = Instant::now();
    let result = tokio::time::timeout(STATEMENT_LIMIT, statement).await;
    metrics::record_duration(metrics::STATEMENT, begun.elapsed());
    result.map_err(|_| StoreError::Timeout)?.map_err(|error| match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Duplicate(0),
        error => StoreError::Database(error),
    })
}

/// What `login` may do with users, and no more: its database account has the same rights.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The user whose e-mail equals `email` but for ASCII case, whatever the collation finds.
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError>;

    /// Stores another hash of the same password. `false` if the stored one has changed since `user`
    /// was read. The old hash stays if the database keeps something else than it was given.
    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError>;

    /// Whether the database answers at all.
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

/// A user in a listing.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// When the user was added, UTC, as the database writes it, if it does.
    pub created_at: Option<String>,
    /// When the user was last changed, in the same way.
    pub updated_at: Option<String>,
}
