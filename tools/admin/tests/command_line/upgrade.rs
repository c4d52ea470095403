//! `upgrade-plaintext`

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{BCRYPT, PASSWORD, Place};

const UNSUPPORTED: &str = "$1$salt$qJH7.N4xYta3aEG/dfqo/0";
const WERKZEUG: &str = "scrypt:32768:8:1$DcIWvUgmbPrPJ2DM$6f1b0c";

#[test]
fn plain_texts_are_hashed_and_everything_else_is_left_alone() {
    let place = Place::new();
    place.add("ada@example.com");
    let adas = place.stored("ada@example.com");
    place.insert(&[
        ("bob@example.com", PASSWORD),
        ("cyd@example.com", "canary"),
        ("dan@example.com", BCRYPT),
        ("eve@example.com", UNSUPPORTED),
        ("fay@example.com", WERKZEUG),
    ]);

    let run = place.run(["upgrade-plaintext"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.out,
        "plain texts hashed: 2 (weak: 1), hashes already: 2, hashes that are not supported: 2\n"
    );
    let mut said: Vec<&str> = run.err.lines().collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "hash of a kind that is not supported: eve@example.com",
            "hash of a kind that is not supported: fay@example.com",
            "weak password: cyd@example.com",
        ]
    );

    assert!(place.logs_in("bob@example.com", PASSWORD));
    assert!(place.logs_in("cyd@example.com", "canary"));
    assert_eq!(place.stored("ada@example.com"), adas);
    assert_eq!(place.stored("dan@example.com"), BCRYPT);
    assert_eq!(place.stored("eve@example.com"), UNSUPPORTED);
    assert_eq!(place.stored("fay@example.com"), WERKZEUG);
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let place = Place::new();
    place.insert(&[("ada@example.com", PASSWORD)]);
    place.run(["upgrade-plaintext"]).good();
    let stored = place.stored("ada@example.com");
    let summary = place.run(["upgrade-plaintext"]).good();
    assert!(
        summary.starts_with("plain texts hashed: 0 (weak: 0), hashes already: 1,"),
        "{summary}"
    );
    assert_eq!(place.stored("ada@example.com"), stored);
}

/// More users than a page has, killed on the way.
#[test]
fn a_run_goes_on_where_the_one_before_was_stopped() {
    let place = Place::new();
    let emails: Vec<String> = (0..600).map(|number| format!("{number}@example.com")).collect();
    let rows: Vec<(&str, &str)> = emails.iter().map(|email| (email.as_str(), PASSWORD)).collect();
    place.insert(&rows);

    let mut command = place.command();
    command.arg("upgrade-plaintext").stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = command.spawn().unwrap();
    let started = Instant::now();
    while hashed(&place) == 0 {
        assert!(started.elapsed() < Duration::from_mins(1), "nothing is being hashed");
        std::thread::sleep(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let by_first = hashed(&place);
    assert!((1..600).contains(&by_first), "{by_first}");

    let run = place.run(["upgrade-plaintext"]);
    let by_second = 600 - by_first;
    assert!(run.out.starts_with(&format!("plain texts hashed: {by_second} ")), "{run:?}");
    assert!(run.out.contains(&format!(" hashes already: {by_first},")), "{run:?}");
    assert_eq!(hashed(&place), 600);
    assert!(place.logs_in("599@example.com", PASSWORD));
}

fn hashed(place: &Place) -> usize {
    use secrecy::ExposeSecret;
    let is_hash = |stored: &str| stored.starts_with("$argon2id$");
    place.rows().iter().filter(|row| is_hash(row.user.password.expose_secret())).count()
}
