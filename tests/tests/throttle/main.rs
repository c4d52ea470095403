//! Guessing, on running `login` processes that share one MariaDB and nothing else.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod clocks;
mod gateways;
mod locks;
mod operation;
mod parallel;
mod sources;

use shared::users::{NewUser, UserDirectory};
use system_tests::{
    contract::{SECRET, hash},
    database::DatabaseServer,
    http::Answer,
    mariadb,
    service::Service,
    stores,
};

const PASSWORD: &str = "a long enough passphrase";
const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// A server with two users, whose password is [`PASSWORD`].
async fn server() -> DatabaseServer {
    let server = mariadb::start();
    server.init();
    let hash = hash(PASSWORD).await;
    let user = |email: &str| NewUser { email: email.into(), hash: hash.clone(), admin: false };
    stores::open(&server.root_variables(), 1).await.add(&[user(ADA), user(BOB)]).await.unwrap();
    server
}

/// A `login` on the server, with these variables beside the usual ones.
fn login(server: &DatabaseServer, variables: &[(&str, &str)]) -> Service {
    let mut all = server.login_variables();
    all.insert("JWT_SECRET".into(), SECRET.into());
    all.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    Service::start("login", all)
}

/// As if so many seconds had passed by the clock of the database, which is the one that counts.
fn advance(server: &DatabaseServer, seconds: u32) {
    server.sql(&format!(
        "UPDATE auth.login_throttle SET checks_until = checks_until - {seconds} * 1000,
         locked_until = locked_until - {seconds} * 1000, forget_at = forget_at - {seconds} * 1000"
    ));
}

fn attempt(login: &Service, email: &str, password: &str) -> Answer {
    login.request("POST", "/login").basic(email, password).send()
}

fn status(login: &Service, email: &str, password: &str) -> u16 {
    attempt(login, email, password).status
}

/// Fails unless the answer is 429 with this time to wait.
fn assert_locked(answer: &Answer, seconds: &str) {
    assert_eq!((answer.status, answer.text()), (429, "too many attempts"));
    assert_eq!(answer.header("retry-after"), Some(seconds));
}
