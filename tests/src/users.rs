//! Users for many logins: `right-0@example.com` and so on, all with the same password.

use serde_json::Value;
use shared::{config::Argon2Config, password::PasswordHasher};

use crate::{Answer, DatabaseServer, Environment, Service, contract, with};

/// The password of all these users.
pub const PASSWORD: &str = "a long enough passphrase";
/// The number of users for each name: so many that failed logins seldom lock one.
pub const USERS_PER_NAME: usize = 1_000;

/// Parameters with which a hash is computed quickly.
pub fn quick_argon2() -> Argon2Config {
    Argon2Config { memory_kib: 7_168, iterations: 1, parallelism: 1 }
}

/// The variables of `login` for these parameters.
pub fn argon2_variables(config: Argon2Config) -> Environment {
    [
        ("ARGON2_MEMORY_KIB", config.memory_kib),
        ("ARGON2_ITERATIONS", config.iterations),
        ("ARGON2_PARALLELISM", config.parallelism),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_string()))
    .into()
}

/// The e-mail of a user; the numbers start again after [`USERS_PER_NAME`].
pub fn email(name: &str, number: usize) -> String {
    format!("{name}-{}@example.com", number % USERS_PER_NAME)
}

/// Adds all users that are missing, with hashes of `login`'s format.
pub fn add(server: &DatabaseServer, config: Argon2Config) {
    let hash = hash(config);
    for name in ["right", "wrong", "alone"] {
        let rows =
            (0..USERS_PER_NAME).map(|number| format!("('{}', '{hash}')", email(name, number)));
        let rows = rows.collect::<Vec<_>>().join(",");
        server.sql(&format!("INSERT IGNORE INTO auth.user (email, password) VALUES {rows}"));
    }
}

/// A hash of [`PASSWORD`].
pub fn hash(config: Argon2Config) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let hasher = PasswordHasher::new(config, 1, None);
    runtime.block_on(hasher.hash(PASSWORD.into())).expect("a hash")
}

/// The variables of `login` with this database, quick hashes, and these additional ones.
pub fn login_variables(mut database: Environment, more: &[(&str, &str)]) -> Environment {
    database.extend(argon2_variables(quick_argon2()));
    with(database, more)
}

/// Starts `login` with [`login_variables`].
pub fn login(database: Environment, more: &[(&str, &str)]) -> Service {
    Service::start("login", login_variables(database, more))
}

/// Sends a login to `login`.
pub fn log_in(login: &Service, email: &str, password: &str) -> Answer {
    login.request("POST", "/login").basic(email, password).send()
}

/// Logs in, and returns the claims of the token, or the status if the login fails.
pub fn claims(login: &Service, email: &str, password: &str) -> Result<Value, u16> {
    let answer = log_in(login, email, password);
    if answer.status == 200 { Ok(contract::claims(answer.text())) } else { Err(answer.status) }
}
