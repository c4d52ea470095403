//! How to connect, from the configuration and the text of a secret.

use std::{fmt::Display, path::Path};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::Error as _};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::{
    config::{DatabaseConfig, DatabaseParts, NO_HOST, SslMode, is_host},
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
    // The session is set up by `SESSION` alone: one round trip.
    let options = options?.pipes_as_concat(false).no_engine_substitution(false);
    Ok(options.timezone(None).set_names(false))
}

/// What each session begins with, whatever the server is set to: what does not fit a column
/// is refused and not cut, and each statement is kept.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, autocommit = 1, sql_safe_updates = 0, \
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// A database secret in the form that RDS writes; managed secrets have only the
/// first two members.
#[derive(Default, Deserialize)]
pub(in crate::users) struct RdsSecret {
    username: Option<String>,
    pub(in crate::users) password: SecretString,
    host: Option<String>,
    #[serde(default, deserialize_with = "port")]
    port: Option<u16>,
    dbname: Option<String>,
}

/// A number, or a text with one: the key-value form of Secrets Manager has only texts.
fn port<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Option::<Port>::deserialize(value)? {
        Some(Port::Number(port)) => Ok(Some(port)),
        Some(Port::Text(port)) if !port.is_empty() => {
            port.parse().map(Some).map_err(|_| D::Error::custom("no port"))
        }
        Some(Port::Text(_)) | None => Ok(None),
    }
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
    if !is_host(&host) {
        return Err(format!("has a `host` that {NO_HOST}"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of_secret(secret: &str) -> Result<u16, String> {
        let source = crate::secrets::SecretSource::Value {
            variable: "DATABASE_SECRET_ID".into(),
            value: secret.into(),
        };
        let config = DatabaseConfig::Secret(DatabaseParts::default(), source);
        connect_options(&config, &secret.into()).map(|options| options.get_port())
    }

    #[test]
    fn the_port_of_a_secret_may_be_a_text() {
        for (port, expected) in [
            ("3307", Some(3307)),
            ("\"3307\"", Some(3307)),
            ("\"\"", Some(3306)),
            ("null", Some(3306)),
            ("\"x\"", None),
            ("\"65536\"", None),
            ("65536", None),
            ("[]", None),
        ] {
            let secret = format!(
                r#"{{"username":"u","password":"canary","host":"db","dbname":"auth","port":{port}}}"#
            );
            let read = of_secret(&secret);
            assert!(!format!("{read:?}").contains("canary"), "{read:?}");
            assert_eq!(read.ok(), expected, "{port}");
        }
    }

    #[test]
    fn a_host_of_a_secret_with_a_port_in_it_is_refused() {
        let secret = r#"{"username":"u","password":"p","host":"db:3306","dbname":"auth"}"#;
        assert!(of_secret(secret).unwrap_err().contains("neither a host name"));
    }
}
