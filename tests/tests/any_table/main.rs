//! Tables that others made, with their columns and hashes, on servers that cut what does not
//! fit: running `login` and `auth-admin` lose nothing, and grant nothing.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod columns;
mod tool;

use std::thread;

use shared::config::Argon2Config;
use system_tests::{
    database::DatabaseServer,
    mariadb, mysql9,
    process::{Output, memory_kib},
    service::run,
    users, with,
};

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
    let variables = with(server.root_variables(), &[("ARGON2_MEMORY_KIB", "7168")]);
    run("auth-admin", arguments, &variables, input)
}

/// As docs/configuration.md says: two slots of 7 MiB, 128 MiB for stored hashes, and 32 MiB.
const BOUND_KIB: usize = 2 * 7_168 + 128 * 1024 + 32 * 1024;
const GUESSES: usize = 6;

#[test]
#[ignore = "needs MariaDB: make test"]
fn large_stored_hashes_do_not_break_the_bound_of_memory() {
    let server = mariadb::start();
    let argon2 =
        |memory_kib| users::hash(Argon2Config { memory_kib, iterations: 1, parallelism: 1 });
    let scrypt = |costs| {
        format!(
            "$scrypt${costs}$c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI"
        )
    };
    // Of 32, 128, 24 and 128 MiB.
    for kind in [scrypt("ln=15,r=8,p=1"), argon2(131_072), argon2(24_576), scrypt("ln=17,r=8,p=1")]
    {
        let rows = (0..GUESSES).map(|number| format!("('{number}@example.com', '{kind}')"));
        let rows = rows.collect::<Vec<_>>().join(",");
        set_up(&server, "");
        server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {rows}"));
        let variables = [("HASH_SLOTS", "2"), ("HASH_QUEUE", "22")];
        let login = users::login(server.login_variables(), &variables);
        thread::scope(|scope| {
            for guess in 0..GUESSES {
                let (login, email) = (&login, format!("{guess}@example.com"));
                scope.spawn(move || assert_eq!(users::log_in(login, &email, "wrong").status, 401));
            }
        });
        let peak = memory_kib(login.id(), "VmHWM");
        assert!(peak < BOUND_KIB, "{kind}: {peak} KiB, of {BOUND_KIB}");
    }
}
