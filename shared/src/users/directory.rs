//! What an administrator may do with users.

use std::fmt;

use async_trait::async_trait;

use super::{StoreError, User, UserStore};

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
