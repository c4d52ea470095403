//! Every variable once. A test compares this table with docs/configuration.md and `.env.example`.

/// A variable that `login`, or every function, reads.
pub(super) struct Variable {
    pub(super) name: &'static str,
    #[cfg_attr(not(all(test, feature = "mysql")), expect(dead_code, reason = "for the test"))]
    pub(super) audience: &'static str,
    /// Empty where there is none.
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
}

const fn both(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, audience: "both", default, meaning }
}

const fn login(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, audience: "login", default, meaning }
}

pub(super) const VARIABLES: &[Variable] = &[
    both("JWT_SECRET", "", "the keys"),
    both("JWT_SECRET_FILE", "", "a file with the keys"),
    both("JWT_SECRET_ID", "", "a Secrets Manager secret with the keys"),
    both("SECRET_REFRESH_SECONDS", "300", "the age at which a secret is fetched again"),
    both("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "", "the port of the extension for secrets"),
    login("JWT_TTL_SECONDS", "86400", "how long a token is valid"),
    both("JWT_ISSUER", "", "the claim iss"),
    both("JWT_AUDIENCE", "", "the claim aud"),
    login("DATABASE_URL", "", "the database as a URL"),
    login("DATABASE_URL_FILE", "", "a file with the URL"),
    login("DATABASE_SECRET_ID", "", "a Secrets Manager secret as RDS writes it"),
    login("MYSQL_HOST", "", "the database's host"),
    login("MYSQL_PORT", "3306", "the database's port"),
    login("MYSQL_USER", "", "the database account"),
    login("MYSQL_DB", "", "the name of the database, `auth` in init.sql"),
    login("MYSQL_PASSWORD", "", "the password of the account"),
    login("MYSQL_PASSWORD_FILE", "", "a file with the password"),
    login("MYSQL_SSL_MODE", "", "as the mysql client means it"),
    login("MYSQL_SSL_CA", "", "a file with the certificates to trust"),
    login("ARGON2_MEMORY_KIB", "19456", "the memory of a new hash"),
    login("ARGON2_ITERATIONS", "2", "the passes of a new hash over its memory"),
    login("ARGON2_PARALLELISM", "1", "the lanes of a new hash"),
    login("HASH_SLOTS", "", "hashes at once, otherwise one for each core"),
    login("HASH_QUEUE", "", "logins under way beyond the slots, otherwise 8 for each"),
    login("LOGIN_MAX_FAILURES", "5", "the failure in a row that locks an e-mail"),
    login("LOGIN_MAX_LOCK_SECONDS", "900", "the longest lock of an e-mail"),
    login("LOGIN_SOURCE_LIMIT", "0", "failures a minute from one source; 0 for no limit"),
    login("TRUSTED_PROXY_HOPS", "0", "proxies in front that add to X-Forwarded-For"),
    both("HOST", "0.0.0.0", "the address to listen on, outside Lambda"),
    both("PORT", "8080", "the port to listen on"),
    both("DRAIN_SECONDS", "5", "how long to go on answering after SIGTERM"),
    both("MAX_CONNECTIONS", "10000", "connections of clients at once"),
    both("BASE_PATH", "", "a path in front of a function's own"),
    both("METRICS_PORT", "", "the port of GET /metrics, outside Lambda"),
    both("METRICS", "", "`emf` for metrics on Lambda"),
    both("RUST_LOG", "info", "levels of the log"),
    both("LOG_FORMAT", "json", "json or text"),
];

/// `None` for those that Lambda sets.
pub(super) fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}
