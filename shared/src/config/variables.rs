//! All environment variables of this project, in the order of docs/configuration.md. The variables of
//! AWS (`AWS_…`) are not in the table.

use std::{ffi::OsString, str::FromStr};

use ReadBy::{Both, Login, Validate};
use strsim::damerau_levenshtein;

/// The functions that read a variable. `authorizer` reads what `validate` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadBy {
    Login,
    Validate,
    Both,
}

/// In this order: the name, the functions that read it, its default, its meaning. The default is empty
/// if there is none, or the code that uses the variable decides, and in words if it is computed.
type Variable = (&'static str, ReadBy, &'static str, &'static str);

pub(super) const VARIABLES: &[Variable] = &[
    ("JWT_SECRET", Both, "", "the keys of tokens: a text, a PEM key or a JWK Set"),
    ("JWT_SECRET_FILE", Both, "", "a file that contains the keys"),
    ("JWT_SECRET_ID", Both, "", "a secret in Secrets Manager that contains the keys"),
    ("SECRET_REFRESH_SECONDS", Both, "300", "the age at which a secret is fetched again"),
    ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", Both, "", "the port of AWS's extension for secrets"),
    ("JWT_TTL_SECONDS", Login, "86400", "how long a token is valid"),
    ("JWT_ISSUER", Both, "", "`iss`: `login` issues it, `validate` requires it"),
    ("JWT_AUDIENCE", Both, "", "`aud`: `login` issues it, `validate` requires it"),
    ("JWT_LEEWAY_SECONDS", Validate, "5", "how far the clocks of issuer and verifier may differ"),
    (
        "TOKEN_COOKIE",
        Validate,
        "",
        "the cookie with the token of a request without `Authorization`",
    ),
    ("TOKEN_CACHE_ENTRIES", Validate, "10000", "how many verified tokens are remembered"),
    ("DATABASE_URL", Login, "", "the database, as a URL"),
    ("DATABASE_URL_FILE", Login, "", "a file that contains the URL"),
    ("MYSQL_HOST", Login, "", "the host of the database"),
    ("MYSQL_PORT", Login, "3306", "the port of the database"),
    ("MYSQL_USER", Login, "", "the account of the database"),
    ("MYSQL_DB", Login, "", "the name of the database"),
    ("MYSQL_PASSWORD", Login, "", "the password of the account"),
    ("MYSQL_PASSWORD_FILE", Login, "", "a file that contains the password"),
    ("MYSQL_SSL_MODE", Login, "", "TLS, in the words of the `mysql` client"),
    ("MYSQL_SSL_CA", Login, "", "a file with the certificate of the CA"),
    ("DATABASE_SECRET_ID", Login, "", "a secret in Secrets Manager in the format of RDS"),
    ("USER_GROUPS_COLUMN", Login, "", "the column of the table `user` with the groups of a user"),
    ("ARGON2_MEMORY_KIB", Login, "19456", "the memory of a new password hash"),
    ("ARGON2_ITERATIONS", Login, "2", "the passes of a new password hash over its memory"),
    ("ARGON2_PARALLELISM", Login, "1", "the lanes of a new password hash"),
    ("HASH_SLOTS", Login, "one per core", "how many password hashes are computed at once"),
    ("HASH_QUEUE", Login, "8 per slot", "how many further logins may wait"),
    ("LOGIN_MAX_FAILURES", Login, "5", "the failure in a row that locks an e-mail"),
    ("LOGIN_MAX_LOCK_SECONDS", Login, "900", "the longest lock of an e-mail"),
    (
        "LOGIN_SOURCE_LIMIT",
        Login,
        "0",
        "failures per minute from one source, where 0 sets no limit",
    ),
    ("TRUSTED_PROXY_HOPS", Login, "0", "how many of your proxies append to `X-Forwarded-For`"),
    ("HOST", Both, "0.0.0.0", "the address to listen on, outside Lambda"),
    ("PORT", Both, "8080", "the port to listen on, outside Lambda"),
    ("DRAIN_SECONDS", Both, "5", "how long requests are answered after SIGTERM"),
    ("BASE_PATH", Both, "", "a path prefix that a gateway passes on, such as `/auth`"),
    ("MAX_CONNECTIONS", Both, "10000", "connections at once, outside Lambda"),
    (
        "RUST_LOG",
        Both,
        "info",
        "the level of logs: `off`, `error`, `warn`, `info`, `debug`, `trace`",
    ),
    ("LOG_FORMAT", Both, "json", "the format of logs: `json` or `text`"),
    ("METRICS_PORT", Both, "", "the port of `GET /metrics`, outside Lambda"),
    ("METRICS", Both, "", "`emf`: metrics for CloudWatch on standard output, on Lambda"),
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
        let is_known = VARIABLES.iter().any(|(known, ..)| *known == name);
        if !is_ours || is_known || value.is_empty() || is_of_a_service(&name, &value) {
            return None;
        }
        let distance = |it: &str| {
            if it.starts_with(&name) { 0 } else { damerau_levenshtein(it, &name) }
        };
        let nearest = VARIABLES.iter().map(|(known, ..)| *known).min_by_key(|it| distance(it))?;
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
    let variable = VARIABLES.iter().find(|(known, ..)| *known == name);
    let default = variable.map(|(_, _, default, _)| default).filter(|it| !it.is_empty());
    let default = default.and_then(|default| default.parse().ok());
    default.unwrap_or_else(|| panic!("the table of variables has no usable default of {name}"))
}
