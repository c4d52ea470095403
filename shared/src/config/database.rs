//! Where the users are.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use super::{Reader, SecretForm};
use crate::secrets::SecretSource;

/// Where the database is and who logs in to it.
#[derive(Debug)]
pub enum DatabaseConfig {
    /// `DATABASE_URL` or `DATABASE_URL_FILE`: everything in one URL.
    Url(SecretSource),
    /// `MYSQL_…`: everything in parts, the password from a source of its own.
    Parts(DatabaseParts, SecretSource),
    /// `DATABASE_SECRET_ID`: a Secrets Manager secret as RDS writes it; the parts
    /// fill in what it lacks.
    Secret(DatabaseParts, SecretSource),
}

/// What is public of a database's address and account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseParts {
    /// `MYSQL_HOST`.
    pub host: Option<String>,
    /// `MYSQL_PORT`, 3306 where nothing else says.
    pub port: Option<u16>,
    /// `MYSQL_USER`.
    pub user: Option<String>,
    /// `MYSQL_DB`.
    pub database: Option<String>,
    /// `MYSQL_SSL_MODE`.
    pub ssl_mode: Option<SslMode>,
    /// `MYSQL_SSL_CA`: a file with the certificates to trust.
    pub ssl_ca: Option<PathBuf>,
}

/// `MYSQL_SSL_MODE`, as the `mysql` client means its `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disabled,
    /// TLS if the server offers it, its certificate unchecked.
    Preferred,
    /// TLS or nothing, its certificate unchecked.
    Required,
    /// TLS with a certificate that a trusted CA signed.
    VerifyCa,
    /// The same, and the certificate names the host.
    VerifyIdentity,
}

impl FromStr for SslMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_uppercase().as_str() {
            "DISABLED" => Ok(Self::Disabled),
            "PREFERRED" => Ok(Self::Preferred),
            "REQUIRED" => Ok(Self::Required),
            "VERIFY_CA" => Ok(Self::VerifyCa),
            "VERIFY_IDENTITY" => Ok(Self::VerifyIdentity),
            _ => Err(()),
        }
    }
}

/// What is wrong with a text that [`is_host`] refuses.
pub(crate) const NO_HOST: &str =
    "is neither a host name nor an address; a port belongs into MYSQL_PORT";

/// Whether a text is the name of a host, or an address without brackets.
pub(crate) fn is_host(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.parse::<IpAddr>().is_ok() || text.bytes().all(is_name)
}

const PARTS: [&str; 8] = [
    "MYSQL_HOST",
    "MYSQL_PORT",
    "MYSQL_USER",
    "MYSQL_PASSWORD",
    "MYSQL_PASSWORD_FILE",
    "MYSQL_DB",
    "MYSQL_SSL_MODE",
    "MYSQL_SSL_CA",
];

impl DatabaseConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.secret("DATABASE_URL", &[SecretForm::Value, SecretForm::File]);
        let secret = reader.secret("DATABASE_SECRET", &[SecretForm::Id]);
        let password = reader.secret("MYSQL_PASSWORD", &[SecretForm::Value, SecretForm::File]);
        let parts = DatabaseParts::read(reader);
        let (url, secret, password) = (url?, secret?, password?);
        let given = [&url, &secret, &password].into_iter().flatten();
        let given: Vec<&str> = given.map(SecretSource::variable).collect();
        if given.len() > 1 {
            reader.problem(given.join(", "), "only one of them may be set");
            return None;
        }
        match (url, secret, password) {
            (Some(url), _, _) => Self::read_url(reader, url),
            (_, Some(secret), _) => Some(Self::Secret(parts?, secret)),
            (_, _, Some(password)) => {
                for (name, purpose) in [
                    ("MYSQL_HOST", "it is the database's host"),
                    ("MYSQL_USER", "it is the database account"),
                    ("MYSQL_DB", "it is the name of the database, `auth` in init.sql"),
                ] {
                    reader.required(name, purpose);
                }
                Some(Self::Parts(parts?, password))
            }
            (None, None, None) => {
                reader.problem(
                    "DATABASE_URL",
                    "is not set; give DATABASE_URL, DATABASE_URL_FILE or \
                     DATABASE_SECRET_ID, or MYSQL_HOST, MYSQL_USER, MYSQL_DB and \
                     MYSQL_PASSWORD or MYSQL_PASSWORD_FILE",
                );
                None
            }
        }
    }

    /// The source of the part that is secret.
    #[must_use]
    pub fn secret(&self) -> &SecretSource {
        let (Self::Url(source) | Self::Parts(_, source) | Self::Secret(_, source)) = self;
        source
    }

    /// A URL says everything, so parts beside it would be ignored: better refused.
    fn read_url(reader: &mut Reader<'_>, url: SecretSource) -> Option<Self> {
        let parts: Vec<&str> = PARTS.into_iter().filter(|name| reader.is_set(name)).collect();
        if parts.is_empty() {
            return Some(Self::Url(url));
        }
        let reason = format!("cannot be set beside {}, which contains it", url.variable());
        reader.problem(parts.join(", "), reason);
        None
    }
}

impl DatabaseParts {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let port = if reader.is_set("MYSQL_PORT") {
            reader.number("MYSQL_PORT", 3306, 1..=u16::MAX).map(Some)
        } else {
            Some(None)
        };
        let ssl_mode = reader.parsed(
            "MYSQL_SSL_MODE",
            "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY",
        );
        let host = reader.optional("MYSQL_HOST");
        if host.as_ref().is_some_and(|host| !is_host(host)) {
            reader.problem("MYSQL_HOST", NO_HOST);
        }
        Some(Self {
            host,
            user: reader.optional("MYSQL_USER"),
            database: reader.optional("MYSQL_DB"),
            ssl_ca: reader.optional("MYSQL_SSL_CA").map(PathBuf::from),
            port: port?,
            ssl_mode: ssl_mode?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&'static str, &'static str)]) -> Result<DatabaseConfig, String> {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        let mut reader = Reader::new(&variables);
        let config = DatabaseConfig::read(&mut reader);
        reader.finish(config).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn every_missing_part_is_named_at_once() {
        let problems = read(&[("MYSQL_PASSWORD", "canary")]).unwrap_err();
        for name in ["MYSQL_HOST", "MYSQL_USER", "MYSQL_DB"] {
            assert!(problems.contains(name), "{name} is not in: {problems}");
        }
        assert!(!problems.contains("canary"));
    }

    #[test]
    fn two_passwords_are_a_problem() {
        for (one, other) in [
            ("DATABASE_URL", "MYSQL_PASSWORD"),
            ("DATABASE_URL", "DATABASE_SECRET_ID"),
            ("DATABASE_URL", "DATABASE_URL_FILE"),
            ("DATABASE_SECRET_ID", "MYSQL_PASSWORD_FILE"),
            ("MYSQL_PASSWORD", "MYSQL_PASSWORD_FILE"),
        ] {
            let problems = read(&[(one, "x"), (other, "x")]).unwrap_err();
            assert!(problems.contains(one) && problems.contains(other), "{problems}");
        }
    }

    #[test]
    fn parts_beside_a_url_are_a_problem() {
        let problems = read(&[("DATABASE_URL", "x"), ("MYSQL_HOST", "db")]).unwrap_err();
        assert!(problems.contains("MYSQL_HOST"), "{problems}");
    }

    #[test]
    fn a_host_with_more_than_a_host_in_it_is_a_problem() {
        for host in ["db:3306", "[::1]", "[::1]:3306", "mysql://db", "user@db", "db/auth", "a b"] {
            let problem = read(&[("DATABASE_SECRET_ID", "rds"), ("MYSQL_HOST", host)]);
            let problem = problem.unwrap_err();
            assert!(problem.starts_with("MYSQL_HOST: is neither a host"), "{host}: {problem}");
        }
        for host in ["db", "db.example.com", "127.0.0.1", "::1", "my_db-1.svc.cluster.local."] {
            assert!(read(&[("DATABASE_SECRET_ID", "rds"), ("MYSQL_HOST", host)]).is_ok(), "{host}");
        }
    }

    #[test]
    fn parts_fill_in_what_a_secret_lacks() {
        let config = read(&[("DATABASE_SECRET_ID", "rds"), ("MYSQL_HOST", "db")]).unwrap();
        let DatabaseConfig::Secret(parts, _) = config else { panic!("{config:?}") };
        assert_eq!(parts.host.as_deref(), Some("db"));
    }

    #[test]
    fn an_unknown_ssl_mode_is_a_problem() {
        let problems = read(&[("DATABASE_SECRET_ID", "rds"), ("MYSQL_SSL_MODE", "yes")]);
        assert!(problems.unwrap_err().starts_with("MYSQL_SSL_MODE: is not DISABLED"));
    }
}
