//! Large hashes of other systems share their memory.

use std::thread;

use shared::config::Argon2Config;
use system_tests::{
    mariadb,
    process::memory_kib,
    users::{self, log_in},
};

use crate::set_up;

fn email(number: usize) -> String {
    format!("{number}@example.com")
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
    let rows = hashes.enumerate().map(|(number, hash)| format!("('{}', '{hash}')", email(number)));
    let rows = rows.collect::<Vec<_>>().join(",");
    set_up(&server, "");
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {rows}"));
    for (number, kind) in kinds.iter().enumerate() {
        let variables = [("HASH_SLOTS", "2"), ("HASH_QUEUE", "22")];
        let login = users::login(server.login_variables(), &variables);
        thread::scope(|scope| {
            for guess in 0..GUESSES {
                let (login, email) = (&login, email(number * GUESSES + guess));
                scope.spawn(move || assert_eq!(log_in(login, &email, "wrong").status, 401));
            }
        });
        let peak = memory_kib(login.id(), "VmHWM");
        assert!(peak < BOUND_KIB, "{kind}: {peak} KiB, of {BOUND_KIB}");
    }
}
