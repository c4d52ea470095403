//! Where the users are.

use std::{net::IpAddr, path::PathBuf};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use sqlx::mysql::MySqlSslMode;

use super::{Reader, SecretSource};

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
#[derive(Debug, Clone, Default)]
pub struct DatabaseParts {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) database: Option<String>,
    /// As the `mysql` client means its `--ssl-mode`.
    pub(crate) ssl_mode: Option<MySqlSslMode>,
    /// A file with the certificates to trust.
    pub(crate) ssl_ca: Option<PathBuf>,
}

impl DatabaseParts {
    /// Finds at the start, rather than at the first login, that the CA is missing or cannot be used.
    pub(crate) fn check_ca(&self) -> Result<(), String> {
        let Some(path) = &self.ssl_ca else {
            return match self.ssl_mode {
                Some(MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity) => {
                    Err("VERIFY_CA and VERIFY_IDENTITY need a CA: set MYSQL_SSL_CA, or ssl-ca in \
                         the URL, to a file with its certificate"
                        .into())
                }
                _ => Ok(()),
            };
        };
        let at = |reason| format!("the CA file {}: {reason}", path.display());
        let text = std::fs::read(path).map_err(|error| at(error.to_string()))?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        if certificates.is_ok_and(|certificates| !certificates.is_empty()) {
            return Ok(());
        }
        Err(at("holds no PEM certificate, or a damaged one".into()))
    }

    /// Refuses what is neither the name of a host nor an address without brackets.
    pub(crate) fn check_host(host: &str) -> Result<(), &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.parse::<IpAddr>().is_ok() || host.bytes().all(is_plain) {
            return Ok(());
        }
        Err("is neither a host name nor an address; a port belongs into MYSQL_PORT")
    }
}

/// The first one is named where none is set.
const SECRETS: [&str; 5] = [
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "DATABASE_SECRET_ID",
    "MYSQL_PASSWORD",
    "MYSQL_PASSWORD_FILE",
];
const PARTS: [&str; 6] =
    ["MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_DB", "MYSQL_SSL_MODE", "MYSQL_SSL_CA"];

impl DatabaseConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let missing = "is not set; give DATABASE_URL, DATABASE_URL_FILE or DATABASE_SECRET_ID, or \
                       MYSQL_HOST, MYSQL_USER, MYSQL_DB and MYSQL_PASSWORD or MYSQL_PASSWORD_FILE";
        let source = reader.secret(&SECRETS, missing);
        let host = reader.text("MYSQL_HOST");
        if let Some(Err(reason)) = host.as_deref().map(DatabaseParts::check_host) {
            reader.problem("MYSQL_HOST", reason);
        }
        let modes = "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY";
        let port = reader.value("MYSQL_PORT").unwrap_or_default();
        let port = if port.to_string_lossy().contains("://") {
            let reason = "is an address, as Kubernetes sets it for a Service named `mysql`; set the \
                          port yourself, or `enableServiceLinks: false` of the pod";
            reader.problem("MYSQL_PORT", reason);
            None
        } else {
            // Without its default: a port in the secret comes first.
            reader.optional_number("MYSQL_PORT", 1..=u16::MAX)
        };
        let parts = DatabaseParts {
            host,
            port,
            user: reader.text("MYSQL_USER"),
            database: reader.text("MYSQL_DB"),
            ssl_mode: reader.parsed("MYSQL_SSL_MODE", modes),
            ssl_ca: reader.text("MYSQL_SSL_CA").map(PathBuf::from),
        };
        if let ("DATABASE_SECRET_ID" | "MYSQL_PASSWORD" | "MYSQL_PASSWORD_FILE", Err(reason)) =
            (source.variable, parts.check_ca())
        {
            reader.problem("MYSQL_SSL_CA", reason);
        }
        match source.variable {
            // There is a problem with it.
            "" => Self::Url(source),
            "DATABASE_SECRET_ID" => Self::Secret(parts, source),
            "MYSQL_PASSWORD" | "MYSQL_PASSWORD_FILE" => {
                reader.required("MYSQL_HOST", "it is the database's host");
                reader.required("MYSQL_USER", "it is the database account");
                reader.required("MYSQL_DB", "it is the name of the database, `auth` in init.sql");
                Self::Parts(parts, source)
            }
            url => {
                // They would be ignored.
                let set: Vec<_> = PARTS.into_iter().filter(|name| reader.is_set(name)).collect();
                if !set.is_empty() {
                    let reason = format!("cannot be set beside {url}, which contains it");
                    reader.problem(set.join(", "), reason);
                }
                Self::Url(source)
            }
        }
    }

    /// The source of the part that is secret.
    pub fn secret(&self) -> &SecretSource {
        let (Self::Url(source) | Self::Parts(_, source) | Self::Secret(_, source)) = self;
        source
    }
}

/// The name of a column, which can be quoted with backticks.
#[derive(Debug, Clone)]
pub struct ColumnName(String);

impl ColumnName {
    /// Reads `USER_GROUPS_COLUMN`: the column of the table `user` with the groups of a user.
    pub fn of_groups(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.text("USER_GROUPS_COLUMN")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.len() > 64 || !name.bytes().all(is_plain) {
            let reason = "is not a name of up to 64 letters, digits and underscores";
            reader.problem("USER_GROUPS_COLUMN", reason);
        } else if name.eq_ignore_ascii_case("password") {
            reader.problem("USER_GROUPS_COLUMN", "is the column of the hashes");
        }
        Some(Self(name))
    }

    /// The name, without backticks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
