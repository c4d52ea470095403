//! `login` and `auth-admin` with each supported database server: its own client, certificates,
//! collations and column types, and tables that were not made by `init.sql`.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod columns;
mod large_hashes;
mod scripts;
mod stores;
mod tls;
mod tool;

use std::collections::BTreeMap;

use auth_admin::store::AdminStore;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::users::{User, UserStore};
use system_tests::{
    DatabaseServer, Output, mariadb, mysql9, run,
    stores::open,
    users::{claims, log_in, login},
    with, workspace,
};

const EMAIL: &str = "ada@example.com";
/// The password of [`BCRYPT`].
const PASSWORD: &str = "secret";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn login_and_auth_admin_work_with_mariadb_as_documented() {
    suite(mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn login_and_auth_admin_work_with_mysql_9_as_documented() {
    suite(mysql9::start()).await;
}

/// Runs all tests on one server, one after another; each sets up its own tables.
async fn suite(server: DatabaseServer) {
    scripts::suite(&server).await;
    stores::suite(&server).await;
    // Without the strict mode a server truncates values that do not fit.
    server.sql("SET GLOBAL sql_mode = ''");
    columns::suite(&server).await;
    tool::suite(&server).await;
    tls::suite(server).await;
}

/// The rows of this name in `databases.yaml`.
fn rows<T: DeserializeOwned>(table: &str) -> Vec<T> {
    let mut tables: BTreeMap<String, Value> =
        serde_saphyr::from_str(include_str!("../../data/databases.yaml")).unwrap();
    serde_json::from_value(tables.remove(table).unwrap()).unwrap()
}

/// Makes a new database `auth` with these tables, and runs `init.sql`.
fn set_up(server: &DatabaseServer, tables: &str) {
    server.sql(&format!(
        "SET sql_mode = ''; DROP DATABASE IF EXISTS auth; CREATE DATABASE auth CHARACTER SET utf8mb4;
         USE auth; {tables}"
    ));
    server.init();
}

/// A table `user` with these column types, and a row with [`EMAIL`] and [`BCRYPT`].
fn table(email: &str, password: &str, admin: &str, value: &str) -> String {
    format!(
        "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email {email} UNIQUE,
           password {password}, admin {admin});
         INSERT INTO user (email, password, admin) VALUES ('{EMAIL}', '{BCRYPT}', {value})"
    )
}

fn usual_table() -> String {
    table("VARCHAR(190)", "VARCHAR(255)", "BOOLEAN NOT NULL DEFAULT FALSE", "FALSE")
}

/// The store as `login` opens it, and as `root` does.
async fn open_both(server: &DatabaseServer) -> [AdminStore; 2] {
    [open(&server.login_variables(), 1).await, open(&server.root_variables(), 1).await]
}

async fn find(store: &AdminStore, email: &str) -> Option<User> {
    store.users.find_by_email(email).await.unwrap_or_else(|error| panic!("{email:?}: {error}"))
}

/// Runs `auth-admin` as `root` with these arguments, and a password as its standard input.
fn admin(server: &DatabaseServer, line: &str) -> Output {
    let variables = with(server.root_variables(), &[("ARGON2_MEMORY_KIB", "7168")]);
    let words: Vec<_> = line.split(' ').collect();
    run("auth-admin", &words, &variables, "a long enough passphrase\n")
}
