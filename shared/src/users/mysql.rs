//! Users in MySQL or MariaDB.

use std::{fmt::Display, path::Path, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{
    Connection, MySql, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::{
    DatabaseError, NewUser, StoreError, User, UserRow, UserStore, connections::Connections,
    database_url, sql,
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
            database_url::read(&url)
                .and_then(|(parts, secret)| from_parts(&parts, secret))
                .map_err(|reason| malformed(source, reason))
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
pub(super) struct RdsSecret {
    pub(super) username: Option<String>,
    pub(super) password: SecretString,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) dbname: Option<String>,
}

fn from_parts(parts: &DatabaseParts, secret: RdsSecret) -> Result<MySqlConnectOptions, String> {
    let lacks = |member, variable| format!("lacks `{member}`, and {variable} is not set");
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let host = given(secret.host).or(parts.host.clone()).ok_or(lacks("host", "MYSQL_HOST"))?;
    let user = given(secret.username).or(parts.user.clone());
    let user = user.ok_or(lacks("username", "MYSQL_USER"))?;
    let database = given(secret.dbname).or(parts.database.clone());
    let database = database.ok_or(lacks("dbname", "MYSQL_DB"))?;
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(secret.port.or(parts.port).unwrap_or(3306))
        .username(&user)
        .database(&database)
        .ssl_mode(ssl_mode(parts)?);
    // An empty password would be hashed and sent as one.
    if !secret.password.expose_secret().is_empty() {
        options = options.password(secret.password.expose_secret());
    }
    if let Some(ca) = &parts.ssl_ca {
        check_ca(ca)?;
        options = options.ssl_ca(ca);
    }
    Ok(options)
}

/// Found at the start rather than at the first login.
fn check_ca(path: &Path) -> Result<(), String> {
    let at = |reason: &dyn Display| format!("the CA file {}: {reason}", path.display());
    let text = std::fs::read(path).map_err(|error| at(&error))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    let has_one = text.windows(begin.len()).any(|window| window == begin);
    if has_one { Ok(()) } else { Err(at(&"holds no PEM certificate")) }
}

/// As the `mysql` client does it: a CA alone asks for a certificate from it, and to
/// verify needs a CA.
fn ssl_mode(parts: &DatabaseParts) -> Result<MySqlSslMode, String> {
    let mode = match (parts.ssl_mode, &parts.ssl_ca) {
        (Some(SslMode::Disabled), _) => MySqlSslMode::Disabled,
        (Some(SslMode::Preferred), _) | (None, None) => MySqlSslMode::Preferred,
        (Some(SslMode::Required), _) => MySqlSslMode::Required,
        (Some(SslMode::VerifyCa) | None, Some(_)) => MySqlSslMode::VerifyCa,
        (Some(SslMode::VerifyIdentity), Some(_)) => MySqlSslMode::VerifyIdentity,
        (Some(SslMode::VerifyCa | SslMode::VerifyIdentity), None) => {
            return Err("VERIFY_CA and VERIFY_IDENTITY need a CA: set MYSQL_SSL_CA, or \
                        ssl-ca in the URL, to a file with its certificate"
                .into());
        }
    };
    Ok(mode)
}
