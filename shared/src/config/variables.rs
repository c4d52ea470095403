//! All environment variables of this project, in the order of docs/configuration.md, which says
//! what they mean. The variables of AWS (`AWS_…`) are not in the table.

use std::{ffi::OsString, str::FromStr};

use strsim::damerau_levenshtein;

use DefaultValue::{Computed, Unset, Value};

/// The functions that read a variable. `authorizer` reads what `validate` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadBy {
    Login,
    Validate,
    Both,
}

/// The value of a variable that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultValue {
    /// None, or one that the code which uses the variable decides on.
    Unset,
    Value(&'static str),
    /// Computed when the function starts, as these words say.
    Computed(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    #[cfg_attr(
        not(all(test, feature = "mysql")),
        expect(dead_code, reason = "tests compare it with reads and documents")
    )]
    pub(super) read_by: ReadBy,
    pub(super) default: DefaultValue,
}

const fn both(name: &'static str, default: DefaultValue) -> Variable {
    Variable { name, read_by: ReadBy::Both, default }
}

const fn login(name: &'static str, default: DefaultValue) -> Variable {
    Variable { name, read_by: ReadBy::Login, default }
}

const fn validate(name: &'static str, default: DefaultValue) -> Variable {
    Variable { name, read_by: ReadBy::Validate, default }
}

pub(super) const VARIABLES: &[Variable] = &[
    both("JWT_SECRET", Unset),
    both("JWT_SECRET_FILE", Unset),
    both("JWT_SECRET_ID", Unset),
    both("SECRET_REFRESH_SECONDS", Value("300")),
    both("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", Unset),
    login("JWT_TTL_SECONDS", Value("86400")),
    both("JWT_ISSUER", Unset),
    both("JWT_AUDIENCE", Unset),
    validate("JWT_LEEWAY_SECONDS", Value("5")),
    validate("TOKEN_COOKIE", Unset),
    validate("TOKEN_CACHE_ENTRIES", Value("10000")),
    login("DATABASE_URL", Unset),
    login("DATABASE_URL_FILE", Unset),
    login("MYSQL_HOST", Unset),
    login("MYSQL_PORT", Value("3306")),
    login("MYSQL_USER", Unset),
    login("MYSQL_DB", Unset),
    login("MYSQL_PASSWORD", Unset),
    login("MYSQL_PASSWORD_FILE", Unset),
    login("MYSQL_SSL_MODE", Unset),
    login("MYSQL_SSL_CA", Unset),
    login("DATABASE_SECRET_ID", Unset),
    login("USER_GROUPS_COLUMN", Unset),
    login("ARGON2_MEMORY_KIB", Value("19456")),
    login("ARGON2_ITERATIONS", Value("2")),
    login("ARGON2_PARALLELISM", Value("1")),
    login("HASH_SLOTS", Computed("one per core")),
    login("HASH_QUEUE", Computed("8 per slot")),
    login("LOGIN_MAX_FAILURES", Value("5")),
    login("LOGIN_MAX_LOCK_SECONDS", Value("900")),
    login("LOGIN_SOURCE_LIMIT", Value("0")),
    login("TRUSTED_PROXY_HOPS", Value("0")),
    both("HOST", Value("0.0.0.0")),
    both("PORT", Value("8080")),
    both("DRAIN_SECONDS", Value("5")),
    both("BASE_PATH", Unset),
    both("MAX_CONNECTIONS", Value("10000")),
    both("RUST_LOG", Value("info")),
    both("LOG_FORMAT", Value("json")),
    both("METRICS_PORT", Unset),
    both("METRICS", Unset),
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
    let default = match VARIABLES.iter().find(|variable| variable.name == name) {
        Some(Variable { default: Value(default), .. }) => default.parse().ok(),
        _ => None,
    };
    default.unwrap_or_else(|| panic!("the table of variables has no usable default of {name}"))
}
