//! Memory under stored hashes that are larger than new ones.

use std::thread;

use shared::config::Argon2Config;
use system_tests::{http::Request, mariadb, process::peak_memory, users};

use crate::{login, set_up};

/// As the README says it: two slots of 7 MiB, 128 MiB for stored hashes, 32 MiB for the rest.
const BOUND_KIB: usize = 2 * 7_168 + 128 * 1024 + 32 * 1024;
const GUESSES: usize = 12;

#[test]
#[ignore = "needs MariaDB: make test"]
fn large_stored_hashes_do_not_break_the_bound_of_memory() {
    let server = mariadb::start();
    let argon2 =
        |memory_kib| users::hash(Argon2Config { memory_kib, iterations: 1, parallelism: 1 });
    let salt_and_hash = "c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI";
    let mut peaks = Vec::new();
    for (kind, stored) in [
        ("scrypt of 32 MiB", format!("$scrypt$ln=15,r=8,p=1${salt_and_hash}")),
        ("scrypt of 20 MiB", format!("$scrypt$ln=14,r=10,p=1${salt_and_hash}")),
        ("scrypt of 4 MiB", format!("$scrypt$ln=12,r=8,p=1${salt_and_hash}")),
        ("argon2 of 128 MiB", argon2(131_072)),
        ("argon2 of 64 MiB", argon2(65_536)),
        ("argon2 of 24 MiB", argon2(24_576)),
        ("scrypt of 128 MiB", format!("$scrypt$ln=17,r=8,p=1${salt_and_hash}")),
        ("scrypt of 64 MiB", format!("$scrypt$ln=16,r=8,p=1${salt_and_hash}")),
        ("scrypt of 16 MiB", format!("$scrypt$ln=14,r=8,p=5${salt_and_hash}")),
    ] {
        let rows = (0..GUESSES).map(|number| format!("('{number}@example.com', '{stored}')"));
        set_up(
            &server,
            &format!(
                "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) UNIQUE,
                   password VARCHAR(255), admin BOOLEAN NOT NULL DEFAULT FALSE);
                 INSERT INTO user (email, password) VALUES {}",
                rows.collect::<Vec<_>>().join(",")
            ),
        );
        let login = login(&server, &[("HASH_SLOTS", "2"), ("HASH_QUEUE", "22")]);
        let url = login.url("/login");
        thread::scope(|scope| {
            for number in 0..GUESSES {
                let (url, email) = (&url, format!("{number}@example.com"));
                scope.spawn(move || {
                    for _ in 0..2 {
                        let guess = Request::new("POST", url).basic(&email, "wrong");
                        assert_eq!(guess.send().status, 401, "{kind}");
                    }
                });
            }
        });
        let peak = peak_memory(login.id());
        println!("{kind}: {peak} KiB, of {BOUND_KIB}");
        peaks.push((kind, peak));
    }
    let beyond: Vec<_> = peaks.iter().filter(|(_, peak)| *peak >= BOUND_KIB).collect();
    assert!(beyond.is_empty(), "of {BOUND_KIB} KiB: {beyond:?}");
}
