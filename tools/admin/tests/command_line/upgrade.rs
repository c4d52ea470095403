//! `upgrade` and `upgrade-plaintext`

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{BCRYPT, MD5, PASSWORD, Place, UNSUPPORTED};

#[test]
fn plain_texts_are_hashed_and_everything_else_is_left_alone() {
    let place = Place::new();
    place.add("ada@example.com");
    let adas = place.stored("ada@example.com");
    let left = [
        ("dan@example.com", BCRYPT),
        ("eve@example.com", UNSUPPORTED),
        ("fay@example.com", &format!(" {BCRYPT}")),
        ("gus@example.com", MD5),
        ("hal@example.com", ""),
    ];
    place.insert(&left);
    place.insert(&[("bob@example.com", PASSWORD), ("cyd@example.com", "canary")]);

    let run = place.run(["upgrade-plaintext", "--yes"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "plain texts hashed: 2\n"), "{run:?}");
    let said: Vec<&str> = run.err.lines().collect();
    assert_eq!(
        said,
        [
            "ROWS          FORM",
            "1     left    argon2id",
            "1     left    bcrypt",
            "1     left    looks like a hash, of lower case, upper case, digits, punctuation, \
             30 to 30 characters",
            "1     left    looks like a hash, of lower case, upper case, digits, punctuation, \
             blanks, 61 to 61 characters",
            "1     left    md5 digest",
            "1     left    none",
            "1     hashed  plain text of lower case, 6 to 6 characters",
            "1     hashed  plain text of lower case, blanks, 14 to 14 characters",
            "weak password: cyd@example.com",
        ]
    );

    assert!(place.logs_in("bob@example.com", PASSWORD));
    assert!(place.logs_in("cyd@example.com", "canary"));
    assert_eq!(place.stored("ada@example.com"), adas);
    for (email, stored) in left {
        assert_eq!(place.stored(email), stored);
    }
    // A second run has nothing to do, and asks nothing.
    let bobs = place.stored("bob@example.com");
    let run = place.run(["upgrade-plaintext"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "plain texts hashed: 0\n"), "{run:?}");
    assert_eq!(place.stored("bob@example.com"), bobs);
}

#[test]
fn what_looks_like_a_hash_is_hashed_only_if_that_is_said() {
    let place = Place::new();
    place.insert(&[("eve@example.com", UNSUPPORTED), ("bob@example.com", BCRYPT)]);
    // Locked by another system: what stands there must not become a password.
    let locked = ["!", "*LK*", "!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168", MD5];
    for (number, stored) in locked.into_iter().enumerate() {
        place.insert(&[(&format!("{number}@example.com"), stored)]);
    }
    let asked = place.run(["upgrade-plaintext", "--allow-hash-like"]).err;
    assert!(
        asked.contains("1     hashed  looks like a hash") && asked.contains("--yes"),
        "{asked}"
    );
    assert_eq!(place.stored("eve@example.com"), UNSUPPORTED);
    let run = place.run(["upgrade-plaintext", "--yes", "--allow-hash-like"]);
    assert_eq!(run.out, "plain texts hashed: 1\n", "{run:?}");
    assert!(place.logs_in("eve@example.com", UNSUPPORTED));
    assert_eq!(place.stored("bob@example.com"), BCRYPT);
    for (number, stored) in locked.into_iter().enumerate() {
        assert_eq!(place.stored(&format!("{number}@example.com")), stored);
    }
}

#[test]
fn nothing_is_changed_before_a_confirmation() {
    let place = Place::new();
    place.insert(&[("ada@example.com", PASSWORD), ("bob@example.com", MD5)]);
    for command in ["upgrade", "upgrade-plaintext"] {
        let run = place.run([command]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        assert!(run.err.contains("plain text of lower case, blanks, 14 to 14 characters"));
        assert!(run.err.contains("md5 digest") && run.err.contains("--yes"), "{}", run.err);
    }
    assert_eq!(place.stored("ada@example.com"), PASSWORD);
    assert_eq!(place.stored("bob@example.com"), MD5);
}

#[test]
fn a_digest_is_hashed_once_more_and_its_password_logs_in() {
    let place = Place::new();
    let rows = [
        ("md5@example.com", MD5, "md5"),
        ("sha1@example.com", "{SSHA}U3Pdh2GZg9nMUKbpT2iyaCcuubFzYWx0", "sha1"),
        ("mysql@example.com", "*32AE65193FA0E1135226EFCF32199390AA827FA1", "mysql41"),
    ];
    place.insert(&rows.map(|(email, stored, _)| (email, stored)));
    place.insert(&[("plain@example.com", PASSWORD), ("disabled@example.com", MD5)]);
    place.run(["user", "disable", "disabled@example.com"]).good();
    let only = place.run(["upgrade", "--yes", "--only", "MD5@example.com"]);
    assert_eq!(only.out, "digests hashed: 1\n", "{only:?}");
    assert_eq!(place.stored("mysql@example.com"), rows[2].1);
    assert_eq!(place.run(["upgrade", "--yes"]).out, "digests hashed: 3\n");
    assert!(!place.logs_in("disabled@example.com", PASSWORD));
    place.run(["user", "enable", "disabled@example.com"]).good();
    assert!(place.logs_in("disabled@example.com", PASSWORD));
    for (email, stored, name) in rows {
        let wrapped = place.stored(email);
        assert!(wrapped.starts_with(&format!("$argon2id-{name}$v=19$m=7168,t=1,p=1")), "{wrapped}");
        assert!(place.logs_in(email, PASSWORD), "{name}");
        assert!(!place.logs_in(email, stored), "{name}: the digest itself");
    }
    assert_eq!(place.stored("plain@example.com"), PASSWORD);
    assert_eq!(place.run(["upgrade", "--yes"]).out, "digests hashed: 0\n");
}

/// More users than a page has, killed on the way.
#[test]
fn a_run_goes_on_where_the_one_before_was_stopped() {
    let place = Place::new();
    let emails: Vec<String> = (0..600).map(|number| format!("{number}@example.com")).collect();
    let rows: Vec<(&str, &str)> = emails.iter().map(|email| (email.as_str(), PASSWORD)).collect();
    place.insert(&rows);

    let mut command = place.command();
    command.args(["upgrade-plaintext", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null());
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

    let run = place.run(["upgrade-plaintext", "--yes"]);
    assert_eq!(run.out, format!("plain texts hashed: {}\n", 600 - by_first), "{run:?}");
    assert_eq!(hashed(&place), 600);
    assert!(place.logs_in("599@example.com", PASSWORD));
}

fn hashed(place: &Place) -> usize {
    use secrecy::ExposeSecret;
    let is_hash = |stored: &str| stored.starts_with("$argon2id$");
    place.rows().iter().filter(|row| is_hash(row.user.password.expose_secret())).count()
}
