//! Tables that others made, with their columns and hashes, on servers that cut what does not
//! fit: running `login` and `auth-admin` lose nothing, and grant nothing.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod administrators;
mod check;
mod columns;
mod hashes;
mod memory;
mod strictness;
mod view;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use system_tests::{
    contract::SECRET,
    database::{AUTH_PASSWORD, DatabaseServer, set_auth_password},
    http::Answer,
    mariadb, mysql9,
    process::Output,
    service::{Service, run},
    workspace,
};

const EMAIL: &str = "ada@example.com";
/// The password of the hashes below.
const PASSWORD: &str = "secret";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_tables_of_others_are_safe_with_mariadb() {
    suite(&mariadb::start());
}

#[test]
#[ignore = "needs MySQL 9: make verify"]
fn the_tables_of_others_are_safe_with_mysql_9() {
    suite(&mysql9::start());
}

/// One after another, each with a table of its own.
fn suite(server: &DatabaseServer) {
    server.sql("SET GLOBAL sql_mode = ''");
    strictness::suite(server);
    administrators::suite(server);
    columns::suite(server);
    check::suite(server);
    view::suite(server);
}

/// A new database `auth` with this table `user`, and the account on it.
fn set_up(server: &DatabaseServer, tables: &str) {
    server.sql(&format!(
        "SET sql_mode = ''; DROP DATABASE IF EXISTS auth; CREATE DATABASE auth CHARACTER SET utf8mb4;
         USE auth; {tables}"
    ));
    let script = std::fs::read_to_string(workspace().join("init.sql")).unwrap();
    server.run_sql(&(set_auth_password(AUTH_PASSWORD) + &script)).unwrap();
}

/// `login` with quick hashes.
fn login(server: &DatabaseServer, variables: &[(&str, &str)]) -> Service {
    let mut all = server.login_variables();
    for (name, value) in
        [("JWT_SECRET", SECRET), ("ARGON2_MEMORY_KIB", "7168"), ("ARGON2_ITERATIONS", "1")]
            .iter()
            .chain(variables)
    {
        all.insert((*name).into(), (*value).into());
    }
    Service::start("login", all)
}

fn attempt(login: &Service, email: &str, password: &str) -> Answer {
    login.request("POST", "/login").basic(email, password).send()
}

fn status(login: &Service, email: &str, password: &str) -> u16 {
    attempt(login, email, password).status
}

/// What the token of a good login says.
fn claims(login: &Service, email: &str, password: &str) -> Value {
    let answer = attempt(login, email, password);
    assert_eq!(answer.status, 200, "{email}: {}\n{}", answer.text(), login.log());
    let payload = answer.text().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// `auth-admin` with all rights.
fn admin(server: &DatabaseServer, arguments: &[&str], input: &str) -> Output {
    let mut variables = server.root_variables();
    variables.insert("ARGON2_MEMORY_KIB".into(), "7168".into());
    run("auth-admin", arguments, &variables, input)
}
