//! Tables that others made, with their columns and hashes, on servers that cut what does not
//! fit: running `login` and `auth-admin` lose nothing, and grant nothing.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod columns;
mod hashes;
mod tool;

use system_tests::{database::DatabaseServer, mariadb, mysql9, process::Output, service::run};

const EMAIL: &str = "ada@example.com";
/// The password of the hash below.
const PASSWORD: &str = "secret";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_tables_of_others_are_safe_with_mariadb() {
    suite(&mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn the_tables_of_others_are_safe_with_mysql_9() {
    suite(&mysql9::start()).await;
}

/// One after another, each with a table of its own.
async fn suite(server: &DatabaseServer) {
    server.sql("SET GLOBAL sql_mode = ''");
    columns::suite(server).await;
    tool::suite(server).await;
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

/// `auth-admin` with all rights.
fn admin(server: &DatabaseServer, arguments: &[&str], input: &str) -> Output {
    let mut variables = server.root_variables();
    variables.insert("ARGON2_MEMORY_KIB".into(), "7168".into());
    run("auth-admin", arguments, &variables, input)
}
