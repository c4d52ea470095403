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

/// The users and the counts of failed logins, in MySQL or MariaDB, with up to `max_connections`,
/// which are made when they are first needed. Users have their groups in `groups_column`. For local
/// work (feature `sqlite`), a URL that begins with `sqlite:` gives users in an SQLite file, without
/// such a column, and counts in memory.
///
/// # Errors
///
/// [`Problem`] if the account's secret is missing or cannot be used, or `groups_column` is set for
/// SQLite.
pub async fn open_stores(
    config: DatabaseConfig,
    groups_column: Option<&ColumnName>,
    secrets: &Secrets,
    max_connections: u32,
) -> Result<(Arc<dyn UserStore>, Arc<dyn ThrottleStore>), Problem> {
    #[cfg(feature = "sqlite")]
    if let DatabaseConfig::Url(source) = &config
        && let Some(path) = secrets.fetch(source).await?.expose_secret().strip_prefix("sqlite:")
    {
        let problem = |variable: &str, reason| Problem { variable: variable.into(), reason };
        if groups_column.is_some() {
            return Err(problem("USER_GROUPS_COLUMN", "is for MySQL and MariaDB alone".into()));
        }
        let path = Path::new(path.strip_prefix("//").unwrap_or(path));
        let users = SqliteUsers::open(path).await;
        let users = users.map_err(|error| problem(source.variable, error.to_string()))?;
        return Ok((Arc::new(users), Arc::new(MemoryStore::default())));
    }
    let database = Database::connect_lazy(config, secrets, max_connections).await?;
    let users = MySqlUsers::new(database.clone(), groups_column);
    Ok((Arc::new(users), Arc::new(MySqlThrottle(database))))
}
