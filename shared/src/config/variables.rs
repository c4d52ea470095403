//! All environment variables of this project, in the order of docs/configuration.md. The variables of
//! AWS (`AWS_…`) are not in the table.

use std::{ffi::OsString, str::FromStr};

use strsim::damerau_levenshtein;

/// The functions that read a variable. `authorizer` reads what `validate` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadBy {
    Login,
    Validate,
    Both,
}

#[cfg_attr(
    not(all(test, feature = "mysql")),
    expect(dead_code, reason = "tests compare it with reads and documents")
)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) read_by: ReadBy,
    /// Empty if there is none, or the code that uses the variable decides. In words if it is computed.
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
}

const fn both(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, read_by: ReadBy::Both, default, meaning }
}

const fn login(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, read_by: ReadBy::Login, default, meaning }
}

const fn validate(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, read_by: ReadBy::Validate, default, meaning }
}

pub(super) const VARIABLES: &[Variable] = &[
    both("JWT_SECRET", "", "the keys of tokens: a text, a PEM key or a JWK Set"),
    both("JWT_SECRET_FILE", "", "a file that contains the keys"),
    both("JWT_SECRET_ID", "", "a secret in Secrets Manager that contains the keys"),
    both("SECRET_REFRESH_SECONDS", "300", "the age at which a secret is fetched again"),
    both("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "", "the port of AWS's extension for secrets"),
    login("JWT_TTL_SECONDS", "86400", "how long a token is valid"),
    both("JWT_ISSUER", "", "`iss`: `login` issues it, `validate` requires it"),
    both("JWT_AUDIENCE", "", "`aud`: `login` issues it, `validate` requires it"),
    validate("JWT_LEEWAY_SECONDS", "5", "how far the clocks of issuer and verifier may differ"),
    validate("TOKEN_COOKIE", "", "the cookie with the token of a request without `Authorization`"),
    validate("TOKEN_CACHE_ENTRIES", "10000", "how many verified tokens are remembered"),
    login("DATABASE_URL", "", "the database, as a URL"),
    login("DATABASE_URL_FILE", "", "a file that contains the URL"),
    login("MYSQL_HOST", "", "the host of the database"),
    login("MYSQL_PORT", "3306", "the port of the database"),
    login("MYSQL_USER", "", "the account of the database"),
    login("MYSQL_DB", "", "the name of the database"),
    login("MYSQL_PASSWORD", "", "the password of the account"),
    login("MYSQL_PASSWORD_FILE", "", "a file that contains the password"),
    login("MYSQL_SSL_MODE", "", "TLS, in the words of the `mysql` client"),
    login("MYSQL_SSL_CA", "", "a file with the certificate of the CA"),
    login("DATABASE_SECRET_ID", "", "a secret in Secrets Manager in the format of RDS"),
    login("USER_GROUPS_COLUMN", "", "the column of the table `user` with the groups of a user"),
    login("ARGON2_MEMORY_KIB", "19456", "the memory of a new password hash"),
    login("ARGON2_ITERATIONS", "2", "the passes of a new password hash over its memory"),
    login("ARGON2_PARALLELISM", "1", "the lanes of a new password hash"),
    login("HASH_SLOTS", "one per core", "how many password hashes are computed at once"),
    login("HASH_QUEUE", "8 per slot", "how many further logins may wait"),
    login("LOGIN_MAX_FAILURES", "5", "the failure in a row that locks an e-mail"),
    login("LOGIN_MAX_LOCK_SECONDS", "900", "the longest lock of an e-mail"),
    login("LOGIN_SOURCE_LIMIT", "0", "failures per minute from one source, where 0 sets no limit"),
    login("TRUSTED_PROXY_HOPS", "0", "how many of your proxies append to `X-Forwarded-For`"),
    both("HOST", "0.0.0.0", "the address to listen on, outside Lambda"),
    both("PORT", "8080", "the port to listen on, outside Lambda"),
    both("DRAIN_SECONDS", "5", "how long requests are answered after SIGTERM"),
    both("BASE_PATH", "", "a path prefix that a gateway passes on, such as `/auth`"),
    both("MAX_CONNECTIONS", "10000", "connections at once, outside Lambda"),
    both("RUST_LOG", "info", "the level of logs: `off`, `error`, `warn`, `info`, `debug`, `trace`"),
    both("LOG_FORMAT", "json", "the format of logs: `json` or `text`"),
    both("METRICS_PORT", "", "the port of `GET /metrics`, outside Lambda"),
    both("METRICS", "", "`emf`: metrics for CloudWatch on standard output, on Lambda"),
];

/// Only unknown variables with these prefixes are reported.
const PREFIXES: [&str; 8] =
    ["ARGON2_", "HASH_", "JWT_", "LOGIN_", "MYSQL_", "TOKEN_", "TRUSTED_PROXY", "USER_GROUP"];

/// The variables of `environment` that are set, have a name like ours and are not in the table, each
/// with the name in the table that was probably meant: the nearest that begins so, or else one that
/// differs by one or two characters.
pub(crate) fn unknown_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (String, Option<&'static str>)> {
    environment.filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.to_string_lossy());
        let is_ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let is_known = VARIABLES.iter().any(|it| it.name == name);
        if !is_ours || is_known || value.is_empty() || is_of_a_service(&name, &value) {
            return None;
        }
        let distance = |it: &str| {
            if it.starts_with(&name) { 0 } else { damerau_levenshtein(it, &name) }
        };
        let nearest = VARIABLES.iter().map(|it| it.name).min_by_key(|it| distance(it))?;
        let meant = (distance(nearest) <= 2).then_some(nearest);
        Some((name, meant))
    })
}

/// Whether Kubernetes sets this variable for a Service, such as `MYSQL_PORT_3306_TCP_ADDR` for one
/// named `mysql`.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let is_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    ["_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|part| name.contains(part))
        || name.ends_with("_PORT") && value.contains("://")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| is_number(rest))
}

/// The default in the table.
///
/// # Panics
///
/// If the table has no default for this variable, or one that does not parse; each read in a test
/// would show it.
pub(crate) fn default<T: FromStr>(name: &str) -> T {
    let variable = VARIABLES.iter().find(|variable| variable.name == name);
    let default = variable.and_then(|variable| variable.default.parse().ok());
    default.unwrap_or_else(|| panic!("the table of variables has no usable default of {name}"))
}
