//! Users in MySQL or MariaDB.

use std::{str::FromStr, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{
    Connection, MySql, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::{
    DatabaseError, NewUser, StoreError, User, UserRow, UserStore, connections::Connections, sql,
};
use crate::{
    config::{DatabaseConfig, DatabaseParts, SslMode},
    secrets::{SecretSource, Secrets},
};

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
    /// [`DatabaseError`] if the account's secret cannot be had or read.
    pub async fn prepare(
        config: &DatabaseConfig,
        secrets: &Secrets,
        connections: u32,
    ) -> Result<Self, DatabaseError> {
        let options = connect_options(config, secrets).await?;
        // Nothing here depends on the session's settings: one round trip less a connection,
        // and nothing that would pin an RDS Proxy connection.
        let options = options.pipes_as_concat(false).no_engine_substitution(false).timezone(None);
        Ok(Self { connections: Arc::new(Connections::new(options, connections)) })
    }
}

sql::implement_stores!(MySqlUsers, MySql, PAGE);

async fn connect_options(
    config: &DatabaseConfig,
    secrets: &Secrets,
) -> Result<MySqlConnectOptions, DatabaseError> {
    match config {
        DatabaseConfig::Url(source) => {
            let url = secrets.fetch(source).await?;
            from_url(&url).map_err(|reason| malformed(source, reason))
        }
        DatabaseConfig::Parts(parts, source) => {
            let login =
                RdsSecret { password: secrets.fetch(source).await?, ..RdsSecret::default() };
            from_parts(parts, login).map_err(|reason| malformed(source, reason))
        }
        DatabaseConfig::Secret(parts, source) => {
            let text = secrets.fetch(source).await?;
            // serde's own message could quote the secret.
            let login = serde_json::from_str(text.expose_secret()).map_err(|_| {
                let reason = "is not a JSON object with `username`, `password` and, where \
                              present, `host`, `port` and `dbname`, as RDS writes it";
                malformed(source, reason.to_owned())
            })?;
            from_parts(parts, login).map_err(|reason| malformed(source, reason))
        }
    }
}

fn malformed(source: &SecretSource, reason: String) -> DatabaseError {
    DatabaseError::Malformed { source_name: source.describe(), reason }
}

/// A database secret in the form that RDS writes; managed secrets have only the
/// first two members.
#[derive(Default, Deserialize)]
struct RdsSecret {
    username: Option<String>,
    password: SecretString,
    host: Option<String>,
    port: Option<u16>,
    dbname: Option<String>,
}

fn from_url(url: &SecretString) -> Result<MySqlConnectOptions, String> {
    let url = url.expose_secret();
    if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
        return Err("is not a URL of the form mysql://user:password@host:port/database".into());
    }
    // The library's message could quote the URL.
    MySqlConnectOptions::from_str(url).map_err(|_| {
        "is not a valid URL; characters such as @ : / % # in the password are written \
         percent-encoded, and ssl-mode is one of the mysql client's modes"
            .into()
    })
}

fn from_parts(parts: &DatabaseParts, secret: RdsSecret) -> Result<MySqlConnectOptions, String> {
    let lacks = |member, variable| format!("lacks `{member}`, and {variable} is not set");
    let host = secret.host.or(parts.host.clone()).ok_or(lacks("host", "MYSQL_HOST"))?;
    let user = secret.username.or(parts.user.clone()).ok_or(lacks("username", "MYSQL_USER"))?;
    let database = secret.dbname.or(parts.database.clone()).ok_or(lacks("dbname", "MYSQL_DB"))?;
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(secret.port.or(parts.port).unwrap_or(3306))
        .username(&user)
        .password(secret.password.expose_secret())
        .database(&database)
        .ssl_mode(ssl_mode(parts));
    if let Some(ca) = &parts.ssl_ca {
        options = options.ssl_ca(ca);
    }
    Ok(options)
}

/// As the `mysql` client does it, a CA alone asks for a certificate from it.
fn ssl_mode(parts: &DatabaseParts) -> MySqlSslMode {
    match (parts.ssl_mode, &parts.ssl_ca) {
        (Some(SslMode::Disabled), _) => MySqlSslMode::Disabled,
        (Some(SslMode::Preferred), _) | (None, None) => MySqlSslMode::Preferred,
        (Some(SslMode::Required), _) => MySqlSslMode::Required,
        (Some(SslMode::VerifyCa), _) | (None, Some(_)) => MySqlSslMode::VerifyCa,
        (Some(SslMode::VerifyIdentity), _) => MySqlSslMode::VerifyIdentity,
    }
}
