//! The memory of `login` with stored hashes that need much memory.

use std::thread;

use shared::config::Argon2Config;
use system_tests::{mariadb, users};

use super::*;

/// By docs/configuration.md: two slots of 7 MiB, 128 MiB for stored hashes, and 32 MiB.
const LIMIT_KIB: usize = 2 * 7_168 + 128 * 1024 + 32 * 1024;
const GUESSES: usize = 6;
const SALT_AND_HASH: &str = "c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI";

#[test]
#[ignore = "needs MariaDB: make test"]
fn large_stored_hashes_stay_within_the_memory_limit() {
    let server = mariadb::start();
    let argon2 =
        |memory_kib| users::hash(Argon2Config { memory_kib, iterations: 1, parallelism: 1 });
    let scrypt = |costs| format!("$scrypt${costs}${SALT_AND_HASH}");
    // They need 32, 128, 24 and 128 MiB.
    for kind in [scrypt("ln=15,r=8,p=1"), argon2(131_072), argon2(24_576), scrypt("ln=17,r=8,p=1")]
    {
        let rows = (0..GUESSES).map(|number| format!("('{number}@example.com', '{kind}')"));
        let rows = rows.collect::<Vec<_>>().join(",");
        set_up(&server, "");
        server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {rows}"));
        let variables = [("HASH_SLOTS", "2"), ("HASH_QUEUE", "22")];
        let login = login(server.login_variables(), &variables);
        thread::scope(|scope| {
            for guess in 0..GUESSES {
                let (login, email) = (&login, format!("{guess}@example.com"));
                scope.spawn(move || assert_eq!(log_in(login, &email, "wrong").status, 401));
            }
        });
        let peak = login.process.memory_kib("VmHWM");
        assert!(peak < LIMIT_KIB, "{kind}: {peak} KiB, of {LIMIT_KIB}");
    }
}
