//! How to connect, from the configuration and the text of a secret.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_with::{NoneAsEmptyString, PickFirst, serde_as};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use url::Url;

use crate::config::{DatabaseConfig, DatabaseParts, default};

/// What each session begins with, whatever the server is set to: what does not fit a column
/// is refused and not cut, and each statement is kept.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, autocommit = 1, sql_safe_updates = 0, \
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// How to connect with what `secret` holds, or the reason why it cannot be used.
pub(super) fn connect_options(
    config: &DatabaseConfig,
    secret: &SecretString,
) -> Result<MySqlConnectOptions, String> {
    let (parts, password) = match config {
        DatabaseConfig::Url(_) => {
            let (parts, password) = read_url(secret)?;
            parts.check_ca()?;
            (parts, password)
        }
        DatabaseConfig::Parts(parts, _) => (parts.clone(), secret.clone()),
        DatabaseConfig::Secret(parts, _) => read_rds_secret(secret, parts.clone())?,
    };
    // As the `mysql` client does it: a CA alone asks for a certificate from it.
    let default_mode =
        if parts.ssl_ca.is_some() { MySqlSslMode::VerifyCa } else { MySqlSslMode::Preferred };
    let lacks = |member, variable| format!("lacks `{member}`, and {variable} is not set");
    let host = parts.host.ok_or_else(|| lacks("host", "MYSQL_HOST"))?;
    DatabaseParts::check_host(&host).map_err(|reason| format!("has a `host` that {reason}"))?;
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(parts.port.unwrap_or_else(|| default("MYSQL_PORT")))
        .username(&parts.user.ok_or_else(|| lacks("username", "MYSQL_USER"))?)
        .database(&parts.database.ok_or_else(|| lacks("dbname", "MYSQL_DB"))?)
        .ssl_mode(parts.ssl_mode.unwrap_or(default_mode))
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
        options = options.ssl_ca(ca);
    }
    Ok(options)
}

/// A database secret in the form that RDS writes; managed secrets have only the first two members.
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

/// The parts of the secret, those that it lacks from `parts`, and its password.
fn read_rds_secret(
    secret: &SecretString,
    parts: DatabaseParts,
) -> Result<(DatabaseParts, SecretString), &'static str> {
    // serde's own message could quote the secret.
    let secret: RdsSecret = serde_json::from_str(secret.expose_secret()).map_err(|_| {
        "is not a JSON object with `username`, `password` and, where present, `host`, \
         `port` and `dbname`, as RDS writes it"
    })?;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let parts = DatabaseParts {
        host: given(secret.host).or(parts.host),
        port: secret.port.or(parts.port),
        user: given(secret.username).or(parts.user),
        database: given(secret.dbname).or(parts.database),
        ..parts
    };
    Ok((parts, secret.password))
}

/// The parts of `DATABASE_URL` and its password. More strictly than sqlx, which ignores what it does
/// not know: a misspelt `ssl-mode` would silently switch verification off.
fn read_url(url: &SecretString) -> Result<(DatabaseParts, SecretString), String> {
    let url = Url::parse(url.expose_secret()).ok();
    if url.as_ref().is_some_and(|url| url.scheme() == "sqlite") {
        let reason = "is for SQLite, which is for local work: only a build with the feature \
                      `sqlite` has it (`make watch`), and release builds need mysql://";
        return Err(reason.into());
    }
    let url =
        url.filter(|url| ["mysql", "mariadb"].contains(&url.scheme()) && !url.cannot_be_a_base());
    let url = url.ok_or(
        "is not a URL of the form mysql://user:password@host:port/database; characters such \
         as @ : / % # in the password are written percent-encoded",
    )?;
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(String::from).map_err(|_| "is not UTF-8 where it is percent-encoded".to_owned())
    };
    let named = |name: &str, value: String| {
        if value.is_empty() { Err(format!("names no {name}")) } else { Ok(Some(value)) }
    };
    // An IPv6 address stands in brackets.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut parts = DatabaseParts {
        host: named("host", decode(host)?)?,
        port: url.port(),
        user: named("user", decode(url.username())?)?,
        database: named("database", decode(url.path().trim_start_matches('/'))?)?,
        ..DatabaseParts::default()
    };
    for (name, value) in url.query_pairs() {
        let doubled = match &*name {
            "ssl-mode" => {
                let mode = value.parse().map_err(|_| "has an unknown ssl-mode")?;
                parts.ssl_mode.replace(mode).is_some()
            }
            "ssl-ca" => parts.ssl_ca.replace(value.into_owned().into()).is_some(),
            _ => return Err("has a parameter other than ssl-mode and ssl-ca".into()),
        };
        if doubled {
            return Err("has a parameter twice".into());
        }
    }
    Ok((parts, decode(url.password().unwrap_or_default())?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SecretPlace, SecretSource};

    #[test]
    fn the_port_of_a_secret_may_be_a_text_and_its_host_has_none() {
        for (host, port, expected) in [
            ("db", "3307", Some(3307)),
            ("db", "\"3307\"", Some(3307)),
            ("db", "\"\"", Some(3306)),
            ("db", "null", Some(3306)),
            ("db", "\"65536\"", None),
            ("db", "65536", None),
            ("db:3306", "null", None),
        ] {
            let secret = format!(
                r#"{{"username":"u","password":"canary","host":"{host}","dbname":"auth","port":{port}}}"#
            );
            let place = SecretPlace::Value(SecretString::default());
            let source = SecretSource { variable: "DATABASE_SECRET_ID", place };
            let config = DatabaseConfig::Secret(DatabaseParts::default(), source);
            let options =
                connect_options(&config, &secret.into()).map(|options| options.get_port());
            assert!(!format!("{options:?}").contains("canary"), "{options:?}");
            assert_eq!(options.ok(), expected, "{host} {port}");
        }
    }

    #[test]
    fn every_part_of_a_url_is_decoded() {
        let url =
            "mysql://us%40er:p%2F%23%C3%A4@[::1]:3307/au%74h?ssl-mode=verify_ca&ssl-ca=/a%20b";
        let (parts, password) = read_url(&url.into()).unwrap();
        assert_eq!(password.expose_secret(), "p/#ä");
        let texts = [parts.host, parts.user, parts.database].map(Option::unwrap);
        assert_eq!((texts, parts.port), (["::1", "us@er", "auth"].map(String::from), Some(3307)));
        assert!(matches!(parts.ssl_mode, Some(MySqlSslMode::VerifyCa)));
        assert_eq!(parts.ssl_ca, Some("/a b".into()));
    }

    #[test]
    fn a_url_that_cannot_be_meant_is_refused_and_not_quoted() {
        for url in [
            "canary",
            "postgres://canary:canary@canary/canary",
            "mysql:canary",
            "mysql://",
            "mysql://canary/canary",
            "mysql://canary:canary@canary",
            "mysql://canary:%ff@canary/canary",
            "mysql://canary:canary@canary/canary?ssl-mode=canary",
            "mysql://canary:canary@canary/canary?ssl_mode=REQUIRED",
            "mysql://canary:canary@canary/canary?ssl-mode=REQUIRED&ssl-mode=DISABLED",
        ] {
            let reason = read_url(&url.into()).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!reason.contains("canary"), "{reason}");
        }
        let reason = read_url(&"sqlite:///canary".into()).unwrap_err();
        assert!(reason.contains("only a build with the feature `sqlite`"), "{reason}");
        assert!(!reason.contains("canary"), "{reason}");
    }
}
