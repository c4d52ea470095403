//! Hashes of other systems: each logs in with its password, and large ones share their memory.

use std::{collections::BTreeMap, fs, thread};

use shared::config::Argon2Config;
use system_tests::{
    database::DatabaseServer,
    mariadb, mysql9,
    process::peak_memory,
    users::{self, log_in},
    workspace,
};

use crate::{admin, set_up};

#[test]
#[ignore = "needs MariaDB: make test"]
fn users_of_other_systems_log_in_with_mariadb() {
    all_users_log_in(&mariadb::start());
}

#[test]
#[ignore = "needs MySQL 9: make verify"]
fn users_of_other_systems_log_in_with_mysql_9() {
    all_users_log_in(&mysql9::start());
}

fn email(number: usize) -> String {
    format!("{number}@example.com")
}

/// A table of users with these hashes, numbered.
fn set_up_users<'a>(server: &DatabaseServer, hashes: impl Iterator<Item = &'a str>) {
    let rows = hashes.enumerate().map(|(number, hash)| format!("('{}', '{hash}')", email(number)));
    let rows = rows.collect::<Vec<_>>().join(",");
    set_up(server, "");
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {rows}"));
}

/// That another password is wrong is a test beside `shared::password`.
fn all_users_log_in(server: &DatabaseServer) {
    let file = fs::read_to_string(workspace().join("tests/data/stored-hashes.json")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(&file).unwrap();
    set_up_users(server, rows.iter().map(|row| &*row["stored"]));
    let stored = |number| {
        server.query(&format!("SELECT password FROM auth.user WHERE email = '{}'", email(number)))
    };
    // No cost is the default.
    let login = users::login(server.login_variables(), &[("ARGON2_PARALLELISM", "2")]);
    let status = |number, password: &str| log_in(&login, &email(number), password).status;
    let is_digest = |row: &BTreeMap<String, String>| row["login"] != "replaced";
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| is_digest(row)) {
        assert_eq!(status(number, &row["password"]), 401, "{row:?}");
        assert_eq!(stored(number), row["stored"], "{row:?}");
    }
    let upgraded = admin(server, &["upgrade", "--yes"], "");
    let digests = rows.iter().filter(|row| is_digest(row)).count();
    assert_eq!(upgraded.stdout, format!("digests hashed: {digests}\n"));
    for (number, row) in rows.iter().enumerate() {
        assert!(!stored(number).starts_with("$argon2id$v=19$m=7168,"), "{row:?}");
        assert_eq!(status(number, &row["stored"]), 401, "{row:?}");
        for time in ["first", "second"] {
            assert_eq!(status(number, &row["password"]), 200, "{time} login of {row:?}");
            assert!(stored(number).starts_with("$argon2id$v=19$m=7168,t=1,p=2$"), "{row:?}");
        }
    }
}

/// As the README says it: two slots of 7 MiB, 128 MiB for stored hashes, 32 MiB for the rest.
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
    // Of 32, 20, 128, 64, 24, 128, 64 and 16 MiB.
    let kinds = [
        scrypt("ln=15,r=8,p=1"),
        scrypt("ln=14,r=10,p=1"),
        argon2(131_072),
        argon2(65_536),
        argon2(24_576),
        scrypt("ln=17,r=8,p=1"),
        scrypt("ln=16,r=8,p=1"),
        scrypt("ln=14,r=8,p=5"),
    ];
    let hashes = kinds.iter().flat_map(|kind| [kind.as_str(); GUESSES]);
    set_up_users(&server, hashes);
    for (number, kind) in kinds.iter().enumerate() {
        let variables = [("HASH_SLOTS", "2"), ("HASH_QUEUE", "22")];
        let login = users::login(server.login_variables(), &variables);
        thread::scope(|scope| {
            for guess in 0..GUESSES {
                let (login, email) = (&login, email(number * GUESSES + guess));
                scope.spawn(move || assert_eq!(log_in(login, &email, "wrong").status, 401));
            }
        });
        let peak = peak_memory(login.id());
        assert!(peak < BOUND_KIB, "{kind}: {peak} KiB, of {BOUND_KIB}");
    }
}
