//! Users in an SQLite file, for local work and tests.

use std::path::Path;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{
    SqlitePool, query, query_as,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{NewUser, User, UserStore, UserStoreError};
use crate::database::{DatabaseError, with_timeout};

/// The table of `init.sql`, in SQLite's words. `NOCASE` folds ASCII and no more.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT FALSE
)";

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteUsers(SqlitePool);

impl SqliteUsers {
    /// Opens the file, or makes it with an empty table.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the file cannot be opened or is no database.
    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        query(SCHEMA).execute(&pool).await?;
        Ok(Self(pool))
    }

    /// Adds users.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if an e-mail is taken, or the file cannot be written.
    pub async fn add(&self, users: &[NewUser]) -> Result<(), DatabaseError> {
        for NewUser { email, hash, admin } in users {
            let insert = query("INSERT INTO user (email, password, admin) VALUES (?, ?, ?)");
            insert.bind(email).bind(hash).bind(admin).execute(&self.0).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl UserStore for SqliteUsers {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        let find = query_as("SELECT id, email, password, admin FROM user WHERE email = ?");
        let row: Option<(i64, String, String, bool)> =
            with_timeout(find.bind(email).fetch_optional(&self.0)).await?;
        Ok(row.map(|(id, email, password, admin)| {
            let (id, password) = (id.to_string(), password.into());
            User { id, email, password, admin, groups: Vec::new() }
        }))
    }

    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, UserStoreError> {
        let update = query("UPDATE user SET password = ? WHERE id = ? AND password = ?");
        let update = update.bind(hash).bind(&user.id).bind(user.password.expose_secret());
        Ok(with_timeout(update.execute(&self.0)).await?.rows_affected() > 0)
    }
}
