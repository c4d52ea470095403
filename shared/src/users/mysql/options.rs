//! How to connect, from the configuration and the text of a secret.

use std::{fmt::Display, path::Path};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_with::{NoneAsEmptyString, PickFirst, serde_as};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::database_url;
use crate::config::{DatabaseConfig, DatabaseParts, check_host};

/// How to connect with what `secret` holds, or the reason why it cannot be used.
pub(super) fn connect_options(
    config: &DatabaseConfig,
    secret: &SecretString,
) -> Result<MySqlConnectOptions, String> {
    let (parts, password) = match config {
        DatabaseConfig::Url(_) => database_url::read(secret)?,
        DatabaseConfig::Parts(parts, _) => (parts.clone(), secret.clone()),
        DatabaseConfig::Secret(parts, _) => RdsSecret::read(secret)?.completed_by(parts.clone()),
    };
    let lacks = |member, variable| format!("lacks `{member}`, and {variable} is not set");
    let ssl_mode = ssl_mode(&parts)?;
    let host = parts.host.ok_or_else(|| lacks("host", "MYSQL_HOST"))?;
    check_host(&host).map_err(|reason| format!("has a `host` that {reason}"))?;
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(parts.port.unwrap_or(3306))
        .username(&parts.user.ok_or_else(|| lacks("username", "MYSQL_USER"))?)
        .database(&parts.database.ok_or_else(|| lacks("dbname", "MYSQL_DB"))?)
        .ssl_mode(ssl_mode)
        // The session is set up by `SESSION` alone: one round trip.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .set_names(false);
    // An empty password would be hashed and sent as one.
    if !password.expose_secret().is_empty() {
        options = options.password(password.expose_secret());
    }
    if let Some(ca) = &parts.ssl_ca {
        check_ca(ca)?;
        options = options.ssl_ca(ca);
    }
    Ok(options)
}

/// What each session begins with, whatever the server is set to: what does not fit a column
/// is refused and not cut, and each statement is kept.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, autocommit = 1, sql_safe_updates = 0, \
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// A database secret in the form that RDS writes; managed secrets have only the
/// first two members.
#[serde_as]
#[derive(Deserialize)]
struct RdsSecret {
    username: Option<String>,
    password: SecretString,
    host: Option<String>,
    /// A number, or a text with one: the key-value form of Secrets Manager has only texts.
    #[serde(default)]
    #[serde_as(as = "PickFirst<(_, NoneAsEmptyString)>")]
    port: Option<u16>,
    dbname: Option<String>,
}

impl RdsSecret {
    fn read(secret: &SecretString) -> Result<Self, &'static str> {
        // serde's own message could quote the secret.
        serde_json::from_str(secret.expose_secret()).map_err(|_| {
            "is not a JSON object with `username`, `password` and, where present, `host`, \
             `port` and `dbname`, as RDS writes it"
        })
    }

    /// Its parts, those that it lacks from `parts`, and the password.
    fn completed_by(self, parts: DatabaseParts) -> (DatabaseParts, SecretString) {
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let completed = DatabaseParts {
            host: given(self.host).or(parts.host),
            port: self.port.or(parts.port),
            user: given(self.username).or(parts.user),
            database: given(self.dbname).or(parts.database),
            ..parts
        };
        (completed, self.password)
    }
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
    match (parts.ssl_mode, &parts.ssl_ca) {
        (Some(MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity), None) => {
            Err("VERIFY_CA and VERIFY_IDENTITY need a CA: set MYSQL_SSL_CA, or \
                 ssl-ca in the URL, to a file with its certificate"
                .into())
        }
        (Some(mode), _) => Ok(mode),
        (None, Some(_)) => Ok(MySqlSslMode::VerifyCa),
        (None, None) => Ok(MySqlSslMode::Preferred),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SecretPlace, SecretSource};

    fn of_secret(secret: &str) -> Result<u16, String> {
        let place = SecretPlace::Value(secret.into());
        let source = SecretSource { variable: "DATABASE_SECRET_ID", place };
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
