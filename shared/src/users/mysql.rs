//! Users in MySQL or MariaDB.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{
    ConnectOptions, Connection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode},
};

use super::{DatabaseError, NewUser, StoreError, User, UserRow, UserStore, sql};
use crate::{
    config::{DatabaseConfig, DatabaseParts, SslMode},
    secrets::{SecretSource, Secrets},
};

/// A connection that was idle for longer is asked whether it still lives before a
/// query is trusted to it: an environment may have been frozen in between.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_millis(500);
const EXPLANATION_LIMIT: Duration = Duration::from_millis(500);

/// A store in MySQL or MariaDB, behind a pool that connects at first use.
#[derive(Debug, Clone)]
pub struct MySqlUsers {
    pool: MySqlPool,
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
        Ok(Self { pool: pool(options, connections) })
    }

    /// The pool tries to connect again and again, and then says no more than that it
    /// timed out. An operator needs the cause, so one connection is tried apart from it.
    async fn explain(&self, error: StoreError) -> StoreError {
        if !matches!(error, StoreError::Database(sqlx::Error::PoolTimedOut)) {
            return error;
        }
        let options = self.pool.connect_options();
        match tokio::time::timeout(EXPLANATION_LIMIT, options.connect()).await {
            Ok(Err(cause)) => StoreError::Database(cause),
            Ok(Ok(_)) | Err(_) => error,
        }
    }
}

sql::implement_stores!(MySqlUsers);

fn pool(options: MySqlConnectOptions, connections: u32) -> MySqlPool {
    // Nothing here depends on the session's settings: one round trip less a connection,
    // and nothing that would pin an RDS Proxy connection.
    let options = options.pipes_as_concat(false).no_engine_substitution(false).timezone(None);
    // By the wall clock as well: monotonic time stands still while an environment is frozen.
    let last_used = Arc::new(AtomicU64::new(0));
    MySqlPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(sql::ACQUIRE_LIMIT)
        .test_before_acquire(false)
        .before_acquire(move |connection, idle| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let unused = now.abs_diff(last_used.swap(now, Ordering::Relaxed));
            let idle = idle.idle_for.max(Duration::from_secs(unused));
            Box::pin(async move {
                if idle <= TRUSTED_IDLE {
                    return Ok(true);
                }
                let alive = tokio::time::timeout(PING_LIMIT, connection.ping()).await;
                Ok(matches!(alive, Ok(Ok(()))))
            })
        })
        .connect_lazy_with(options)
}

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
