//! Users in an SQLite file, for local work and tests.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{DatabaseError, NewUser, StoreError, User, UserRow, UserStore, sql};
use crate::{config::DatabaseConfig, secrets::Secrets};

/// The table of `init.sql`, in SQLite's words. `NOCASE` folds ASCII and no more.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT FALSE,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteUsers {
    pool: SqlitePool,
}

impl SqliteUsers {
    /// Opens the file, or makes it with an empty table.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be opened or is no database.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(sql::ACQUIRE_LIMIT)
            .connect_lazy_with(options);
        sql::limited(sqlx::query(SCHEMA).execute(&pool)).await?;
        Ok(Self { pool })
    }

    /// A file explains itself.
    #[expect(clippy::unused_async, reason = "MySQL has to ask")]
    async fn explain(&self, error: StoreError) -> StoreError {
        error
    }
}

sql::implement_stores!(SqliteUsers);

/// The file of a `sqlite:` URL, where one is configured.
pub(super) async fn configured_file(
    config: &DatabaseConfig,
    secrets: &Secrets,
) -> Result<Option<PathBuf>, DatabaseError> {
    let DatabaseConfig::Url(source) = config else { return Ok(None) };
    let url = secrets.fetch(source).await?;
    let path = url.expose_secret().strip_prefix("sqlite:");
    Ok(path.map(|path| PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
}
