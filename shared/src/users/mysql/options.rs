//! How to connect, from the configuration and the text of a secret.

use std::{fmt::Display, path::Path};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::{
    config::{DatabaseConfig, DatabaseParts, SslMode},
    users::database_url,
};

/// How to connect with what `secret` holds, or the reason why it cannot be used.
pub(super) fn connect_options(
    config: &DatabaseConfig,
    secret: &SecretString,
) -> Result<MySqlConnectOptions, String> {
    let options = match config {
        DatabaseConfig::Url(_) => {
            let (parts, login) = database_url::read(secret)?;
            from_parts(&parts, login)
        }
        DatabaseConfig::Parts(parts, _) => {
            from_parts(parts, RdsSecret::of_password(secret.clone()))
        }
        DatabaseConfig::Secret(parts, _) => {
            // serde's own message could quote the secret.
            let login = serde_json::from_str(secret.expose_secret()).map_err(|_| {
                "is not a JSON object with `username`, `password` and, where present, `host`, \
                 `port` and `dbname`, as RDS writes it"
            })?;
            from_parts(parts, login)
        }
    };
    // Nothing here depends on the session's settings: one round trip less a connection,
    // and nothing that would pin an RDS Proxy connection.
    Ok(options?.pipes_as_concat(false).no_engine_substitution(false).timezone(None))
}

/// A database secret in the form that RDS writes; managed secrets have only the
/// first two members.
#[derive(Default, Deserialize)]
pub(in crate::users) struct RdsSecret {
    username: Option<String>,
    pub(in crate::users) password: SecretString,
    host: Option<String>,
    port: Option<u16>,
    dbname: Option<String>,
}

impl RdsSecret {
    pub(in crate::users) fn of_password(password: SecretString) -> Self {
        Self { password, ..Self::default() }
    }
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
