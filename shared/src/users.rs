//! Users: who has this e-mail, and which hash is stored for them.

mod mysql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use mysql::MySqlUsers;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteUsers;

use async_trait::async_trait;
use secrecy::SecretString;
use thiserror::Error;

use crate::database::DatabaseError;

/// A user as the database has it; without `Debug`, since e-mails are not for logs.
#[derive(Clone)]
pub struct User {
    /// The id, as text: tables of other systems may have numbers or names.
    pub id: String,
    /// The e-mail in its stored spelling.
    pub email: String,
    /// The stored hash, or whatever the column holds.
    pub password: SecretString,
    /// Whether the user is an administrator.
    pub admin: bool,
    /// Further groups of the user, if a column of them is configured.
    pub groups: Vec<String>,
}

/// A user to be added; without `Debug`, as [`User`].
#[derive(Clone)]
pub struct NewUser {
    /// The e-mail, in the spelling that tokens will carry.
    pub email: String,
    /// A hash, never a plain text.
    pub hash: String,
    /// Whether the user is an administrator.
    pub admin: bool,
}

/// Users could not be read, or a change was not stored.
#[derive(Debug, Error)]
pub enum UserStoreError {
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The e-mail is taken: of the user at this index among those to be added.
    #[error("there is a user with this e-mail already")]
    Duplicate(usize),
    /// The column `password` cannot hold a hash of so many bytes; nothing was changed.
    #[error(
        "the column `password` of the table `user` is too short: it has to hold {0} characters, \
         and has 255 in init.sql"
    )]
    HashTooLong(usize),
    /// The database stored something other than it was given; that was rolled back.
    #[error(
        "the database does not keep what is written to the table `user`; look at the type of the \
         column `admin`, at rows with the same e-mail or without an id, and at triggers"
    )]
    NotKept,
}

/// What `login` may do with users, and no more: its database account has the same rights.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The user whose e-mail equals `email` but for ASCII case, whatever the collation finds.
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError>;

    /// Stores another hash of the same password. `false` if the stored one has changed since `user`
    /// was read. The old hash stays if the database stores something other than it was given.
    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, UserStoreError>;
}
