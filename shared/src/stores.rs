//! The stores that `login` works on, as they are configured.

use std::sync::Arc;
#[cfg(feature = "sqlite")]
use {
    crate::{throttle::MemoryStore, users::SqliteUsers},
    secrecy::ExposeSecret,
    std::path::Path,
};

use crate::{
    config::{ColumnName, DatabaseConfig, Problem},
    database::Database,
    secrets::Secrets,
    throttle::{MySqlThrottle, ThrottleStore},
    users::{MySqlUsers, UserStore},
};

/// The stores of one configured database.
pub struct Stores {
    /// The users.
    pub users: Arc<dyn UserStore>,
    /// The counts of failed logins.
    pub throttle: Arc<dyn ThrottleStore>,
}

impl Stores {
    /// Stores in MySQL or MariaDB, with up to `max_connections`, which are made when they are first
    /// needed. Users have their groups in `groups_column`. For local work (feature `sqlite`), a
    /// URL that begins with `sqlite:` gives users in an SQLite file, without such a column, and
    /// counts in memory.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the account's secret is missing or cannot be used, or `groups_column` is set for SQLite.
    pub async fn open(
        config: DatabaseConfig,
        groups_column: Option<&ColumnName>,
        secrets: &Secrets,
        max_connections: u32,
    ) -> Result<Self, Problem> {
        #[cfg(feature = "sqlite")]
        if let DatabaseConfig::Url(source) = &config
            && let Some(path) = secrets.fetch(source).await?.expose_secret().strip_prefix("sqlite:")
        {
            let problem = |variable: &str, reason| Problem { variable: variable.into(), reason };
            if groups_column.is_some() {
                let reason = "is for MySQL and MariaDB alone".into();
                return Err(problem("USER_GROUPS_COLUMN", reason));
            }
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            let users = SqliteUsers::open(path).await;
            let users = users.map_err(|error| problem(source.variable, error.to_string()))?;
            return Ok(Self { users: Arc::new(users), throttle: Arc::new(MemoryStore::default()) });
        }
        let database = Database::connect_lazy(config, secrets, max_connections).await?;
        Ok(Self {
            users: Arc::new(MySqlUsers::new(database.clone(), groups_column)),
            throttle: Arc::new(MySqlThrottle(database)),
        })
    }
}
