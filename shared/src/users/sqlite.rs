//! Users in an SQLite file, for local work and tests.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{
    Connection, FromRow, Row, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{
    DatabaseError, NewUser, StoreError, User, UserRow, UserStore,
    connections::{Account, Connections},
    sql::{self, FoundRow},
};
use crate::{config::DatabaseConfig, secrets::Secrets};

/// The tables of `init.sql`, in SQLite's words. `NOCASE` folds ASCII and no more.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT FALSE,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS login_throttle (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    checks INTEGER NOT NULL,
    checks_until INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    forget_at INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS user_updated AFTER UPDATE OF email, password, admin ON user
BEGIN UPDATE user SET updated_at = CURRENT_TIMESTAMP WHERE id = NEW.id; END";

const PAGE: &str = "SELECT id, email, password, admin, created_at, \
     updated_at FROM user WHERE id > ? ORDER BY id LIMIT ?";

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteUsers {
    connections: Arc<Connections<SqliteConnection>>,
}

impl SqliteUsers {
    /// Opens the file, or makes it with an empty table.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be opened or is no database.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let store = Self { connections: Arc::new(Connections::new(File(options), 1)) };
        let create =
            store.connections.run(|connection| Box::pin(sqlx::query(SCHEMA).execute(connection)));
        create.await?;
        Ok(store)
    }

    async fn rows_behind(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<UserRow>, StoreError> {
        let after = after.unwrap_or("-1".into());
        let rows = self.connections.run(move |connection| {
            let page = sqlx::query(PAGE).bind(after.clone()).bind(limit);
            Box::pin(page.fetch_all(connection))
        });
        let listed = |row: SqliteRow| {
            let user = FoundRow::from_row(&row)?.listed();
            let (created_at, updated_at) = (row.try_get("created_at")?, row.try_get("updated_at")?);
            Ok(UserRow { user, created_at, updated_at })
        };
        rows.await?.into_iter().map(listed).collect()
    }
}

impl FromRow<'_, SqliteRow> for FoundRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: Some(row.try_get::<i64, _>("id")?.to_string()),
            email: row.try_get("email")?,
            password: row.try_get("password")?,
            admin: row.try_get("admin")?,
        })
    }
}

/// Whoever may open the file may use it.
struct File(SqliteConnectOptions);

#[async_trait]
impl Account<SqliteConnection> for File {
    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&self.0).await
    }
}

impl SqliteUsers {
    /// For what else is kept in this database.
    pub(crate) fn connections(&self) -> &Connections<SqliteConnection> {
        &self.connections
    }
}

sql::implement_stores!(SqliteUsers, Sqlite);

/// The file of a `sqlite:` URL, where one is configured.
pub(super) async fn configured_file(
    config: &DatabaseConfig,
    secrets: &Secrets,
) -> Result<Option<PathBuf>, DatabaseError> {
    let DatabaseConfig::Url(source) = config else { return Ok(None) };
    let url = secrets.fetch(source).await?;
    let path = url.expose_secret().strip_prefix("sqlite:");
    let path = path.and_then(|path| path.strip_prefix("//").unwrap_or(path).split('?').next());
    Ok(path.map(PathBuf::from))
}
