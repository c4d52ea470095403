//! The users who log in: `right-0@example.com` and so on, all with one password.

use serde_json::Value;
use shared::{config::Argon2Config, password::PasswordHasher};

use crate::{Answer, DatabaseServer, Environment, Service, contract, with};

/// The password of all of them.
pub const PASSWORD: &str = "a long enough passphrase";
/// How many there are of each name: so many that those who fail in turn are seldom locked.
pub const EACH: usize = 1_000;

/// Parameters that are quick to compute.
pub fn quick() -> Argon2Config {
    Argon2Config { memory_kib: 7_168, iterations: 1, parallelism: 1 }
}

/// The variables that make these parameters those of `login`.
pub fn variables(config: Argon2Config) -> Environment {
    [
        ("ARGON2_MEMORY_KIB", config.memory_kib),
        ("ARGON2_ITERATIONS", config.iterations),
        ("ARGON2_PARALLELISM", config.parallelism),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_string()))
    .into()
}

/// The e-mail of a user; the numbers go round.
pub fn email(name: &str, number: usize) -> String {
    format!("{name}-{}@example.com", number % EACH)
}

/// Adds all of them, with hashes as `login` makes them, where they are not there yet.
pub fn add(server: &DatabaseServer, config: Argon2Config) {
    let hash = hash(config);
    for name in ["right", "wrong", "alone"] {
        let rows = (0..EACH).map(|number| format!("('{}', '{hash}')", email(name, number)));
        let rows = rows.collect::<Vec<_>>().join(",");
        server.sql(&format!("INSERT IGNORE INTO auth.user (email, password) VALUES {rows}"));
    }
}

/// The hash of all of them.
pub fn hash(config: Argon2Config) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let hasher = PasswordHasher::new(config, 1);
    runtime.block_on(hasher.hash(PASSWORD.into())).expect("a hash")
}

/// The variables of `login` on this database, with quick hashes and these.
pub fn login_variables(mut database: Environment, more: &[(&str, &str)]) -> Environment {
    database.extend(variables(quick()));
    with(database, more)
}

/// `login` with these variables.
pub fn login(database: Environment, more: &[(&str, &str)]) -> Service {
    Service::start("login", login_variables(database, more))
}

/// What this `login` answers.
pub fn log_in(login: &Service, email: &str, password: &str) -> Answer {
    login.request("POST", "/login").basic(email, password).send()
}

/// What the token of a good login says, or the status of another.
pub fn claims(login: &Service, email: &str, password: &str) -> Result<Value, u16> {
    let answer = log_in(login, email, password);
    if answer.status == 200 { Ok(contract::claims(answer.text())) } else { Err(answer.status) }
}
