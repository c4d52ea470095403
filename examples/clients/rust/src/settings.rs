//! What a client needs to know, from the environment.

use std::{io, time::Duration};

use secrecy::SecretString;

/// Where the service is, and who logs in.
pub(crate) struct Settings {
    pub(crate) login_url: String,
    pub(crate) validate_url: String,
    pub(crate) email: String,
    pub(crate) password: SecretString,
    /// A token of an earlier run, which is used until it is refused.
    pub(crate) token: Option<SecretString>,
    /// For each request, from the first byte to the last.
    pub(crate) timeout: Duration,
    /// For all waiting on 429 and 503 in one call.
    pub(crate) max_wait: Duration,
}

/// Reads the variables that `README.md` lists; the password may be the first line of standard
/// input.
///
/// # Errors
///
/// What is missing, or makes no sense.
pub(crate) fn from_environment() -> Result<Settings, String> {
    let url = |name: &str, path: &str| {
        let base = || variable("AUTH_URL").map(|base| base + path);
        variable(name).or_else(base).ok_or("AUTH_URL is missing")
    };
    Ok(Settings {
        login_url: url("LOGIN_URL", "/login")?,
        validate_url: url("VALIDATE_URL", "/validate")?,
        email: variable("AUTH_EMAIL").ok_or("AUTH_EMAIL is missing")?,
        password: password()?,
        token: variable("AUTH_TOKEN").map(SecretString::from),
        timeout: seconds("AUTH_TIMEOUT", 10)?,
        max_wait: seconds("AUTH_MAX_WAIT", 30)?,
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn seconds(name: &str, default: u64) -> Result<Duration, String> {
    let Some(value) = variable(name) else { return Ok(Duration::from_secs(default)) };
    value.parse().map(Duration::from_secs).map_err(|_| format!("{name} is no number of seconds"))
}

fn password() -> Result<SecretString, String> {
    let first_line = || io::stdin().lines().next()?.ok().filter(|line| !line.is_empty());
    let password = variable("AUTH_PASSWORD").or_else(first_line);
    password
        .map(SecretString::from)
        .ok_or_else(|| "no password in AUTH_PASSWORD or on standard input".into())
}
