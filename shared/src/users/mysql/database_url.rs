//! `DATABASE_URL`, read more strictly than sqlx does: it ignores what it does not know,
//! so that a misspelt `ssl-mode` would silently switch verification off.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::config::DatabaseParts;

/// The parts of a URL and its password, or the reason why there are none; never the URL.
pub(super) fn read(url: &SecretString) -> Result<(DatabaseParts, SecretString), String> {
    let url = Url::parse(url.expose_secret())
        .ok()
        .filter(|url| ["mysql", "mariadb"].contains(&url.scheme()) && !url.cannot_be_a_base());
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
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => decode(&host.to_string())?,
        None => String::new(),
    };
    let mut parts = DatabaseParts {
        host: named("host", host)?,
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
    use sqlx::mysql::MySqlSslMode;

    use super::*;

    #[test]
    fn every_part_is_decoded() {
        let url =
            "mysql://us%40er:p%2F%23%C3%A4@[::1]:3307/au%74h?ssl-mode=verify_ca&ssl-ca=/a%20b";
        let (parts, password) = read(&url.into()).unwrap();
        assert_eq!(password.expose_secret(), "p/#ä");
        assert_eq!(parts.host.as_deref(), Some("::1"));
        assert_eq!(parts.port, Some(3307));
        assert_eq!(parts.user.as_deref(), Some("us@er"));
        assert_eq!(parts.database.as_deref(), Some("auth"));
        assert!(matches!(parts.ssl_mode, Some(MySqlSslMode::VerifyCa)));
        assert_eq!(parts.ssl_ca, Some("/a b".into()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_not_quoted() {
        for url in [
            "canary",
            "postgres://canary:canary@canary/canary",
            "mysql:canary",
            "mysql://",
            "mysql://canary:canary@/canary",
            "mysql://canary/canary",
            "mysql://canary:canary@canary",
            "mysql://canary:canary@canary/",
            "mysql://canary:canary@canary:port/canary",
            "mysql://canary:%ff@canary/canary",
            "mysql://canary:canary@canary/canary?ssl-mode=canary",
            "mysql://canary:canary@canary/canary?ssl_mode=REQUIRED",
            "mysql://canary:canary@canary/canary?sslMode=REQUIRED",
            "mysql://canary:canary@canary/canary?tls=true",
            "mysql://canary:canary@canary/canary?ssl-mode=REQUIRED&ssl-mode=DISABLED",
        ] {
            let reason = read(&url.into()).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!reason.contains("canary"), "{reason}");
        }
    }
}
