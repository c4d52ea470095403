//! What `login` and `auth-admin` do with each database server that is supported: with its own clients,
//! certificates, collations and column types, and with tables that others made.

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
/// The password of the hash below.
const PASSWORD: &str = "secret";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn mariadb_is_used_as_the_documents_say() {
    suite(mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn mysql_9_is_used_as_the_documents_say() {
    suite(mysql9::start()).await;
}

/// One after another, each with tables of its own.
async fn suite(server: DatabaseServer) {
    scripts::suite(&server).await;
    stores::suite(&server).await;
    // Servers that are not strict cut what does not fit.
    server.sql("SET GLOBAL sql_mode = ''");
    columns::suite(&server).await;
    tool::suite(&server).await;
    tls::suite(server).await;
}

/// The table of this name in the file.
fn rows<T: DeserializeOwned>(table: &str) -> Vec<T> {
    let mut tables: BTreeMap<String, Value> =
        serde_saphyr::from_str(include_str!("../../data/databases.yaml")).unwrap();
    serde_json::from_value(tables.remove(table).unwrap()).unwrap()
}

/// A new database `auth` with these tables, and the account on it.
fn set_up(server: &DatabaseServer, tables: &str) {
    server.sql(&format!(
        "SET sql_mode = ''; DROP DATABASE IF EXISTS auth; CREATE DATABASE auth CHARACTER SET utf8mb4;
         USE auth; {tables}"
    ));
    server.init();
}

/// A table `user` with these columns, and a row of [`EMAIL`] with [`BCRYPT`].
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

/// What `login` and an administrator see of the database.
async fn as_both(server: &DatabaseServer) -> [AdminStore; 2] {
    [open(&server.login_variables(), 1).await, open(&server.root_variables(), 1).await]
}

async fn find(store: &AdminStore, email: &str) -> Option<User> {
    store.users.find_by_email(email).await.unwrap_or_else(|error| panic!("{email:?}: {error}"))
}

/// `auth-admin` with all rights and these words, and a password as its input.
fn admin(server: &DatabaseServer, line: &str) -> Output {
    let variables = with(server.root_variables(), &[("ARGON2_MEMORY_KIB", "7168")]);
    let words: Vec<_> = line.split(' ').collect();
    run("auth-admin", &words, &variables, "a long enough passphrase\n")
}
