//! Users in MySQL or MariaDB.

mod account;
mod options;

pub(super) use options::RdsSecret;

use std::sync::Arc;

use secrecy::ExposeSecret;
use sqlx::{Connection, MySql, MySqlConnection};

use super::{
    DatabaseError, NewUser, StoreError, User, UserRow, UserStore, connections::Connections, sql,
};
use crate::{config::DatabaseConfig, secrets::Secrets};
use account::RotatingAccount;

/// Times leave the database in UTC, whatever its own time zone is.
const PAGE: &str = "SELECT CAST(id AS CHAR) AS id, email, password, admin <> 0 AS admin, \
     CAST(CONVERT_TZ(created_at, @@session.time_zone, '+00:00') AS CHAR) AS created_at, \
     CAST(CONVERT_TZ(updated_at, @@session.time_zone, '+00:00') AS CHAR) AS updated_at \
     FROM user WHERE id > ? ORDER BY user.id LIMIT ?";

/// A store in MySQL or MariaDB, which connects at first use.
#[derive(Debug, Clone)]
pub struct MySqlUsers {
    connections: Arc<Connections<MySqlConnection>>,
}

impl MySqlUsers {
    /// A store for the configured database; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if there is no secret of the account, or it is not what it should
    /// be.
    pub async fn prepare(
        config: DatabaseConfig,
        secrets: &Secrets,
        connections: u32,
    ) -> Result<Self, DatabaseError> {
        let account = RotatingAccount::fetch(config, secrets).await?;
        Ok(Self { connections: Arc::new(Connections::new(account, connections)) })
    }
}

impl MySqlUsers {
    /// For what else is kept in this database.
    pub(crate) fn connections(&self) -> &Connections<MySqlConnection> {
        &self.connections
    }
}

sql::implement_stores!(MySqlUsers, MySql, PAGE);
