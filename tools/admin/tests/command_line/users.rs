//! One user at a time, and the list of all.

use serde_json::Value;

use crate::support::{BCRYPT, PASSWORD, Place, finish, finish_unchecked};

#[test]
fn an_added_user_can_log_in() {
    let place = Place::new();
    for input in ["a canary sings", "a canary sings\n", "a canary sings\r\nnext line\n"] {
        let email = format!("{}@example.com", input.len());
        let run = place.run_with(input, ["user", "add", &email, "--password-stdin"]);
        assert_eq!(run.good(), format!("added {email}\n"));
        assert!(place.logs_in(&email, PASSWORD), "{input:?}");
    }
    assert!(place.rows().iter().all(|row| !row.user.admin));
}

#[test]
fn the_first_hash_has_the_configured_cost() {
    let place = Place::new();
    place.add("ada@example.com");
    assert!(place.stored("ada@example.com").starts_with("$argon2id$v=19$m=7168,t=1,p=1$"));
}

#[test]
fn a_user_can_be_added_as_an_administrator() {
    let place = Place::new();
    place.run_with(PASSWORD, ["user", "add", "a@b", "--admin", "--password-stdin"]).good();
    assert!(place.rows()[0].user.admin);
}

#[test]
fn an_email_is_taken_in_any_case() {
    let place = Place::new();
    place.add("ada@example.com");
    let run = place.run_with(PASSWORD, ["user", "add", "ADA@Example.com", "--password-stdin"]);
    assert_eq!(run.refused(1), "error: there is a user with this e-mail already\n");
    assert_eq!(place.emails(), ["ada@example.com"]);
}

#[test]
fn emails_that_could_not_log_in_are_refused() {
    let place = Place::new();
    for (email, reason) in [
        ("", "is empty"),
        ("ada", "is not of the form name@domain"),
        ("a:b@example.com", "contains a colon"),
        ("a b@example.com", "contains a blank or a control character"),
        ("a\u{1b}@example.com", "contains a blank or a control character"),
    ] {
        let run = place.run_with(PASSWORD, ["user", "add", email, "--password-stdin"]);
        assert_eq!(run.refused(1), format!("error: the e-mail {reason}\n"));
    }
    assert!(!place.path("users.db").exists());
}

#[test]
fn weak_passwords_are_refused_with_the_reason() {
    let place = Place::new();
    place.add("bob@example.com");
    for (password, reason) in [
        ("canary", "is shorter than 8 characters"),
        ("\n", "is shorter than 8 characters"),
        (&"canary".repeat(200), "is longer than 1024 bytes, which nobody could log in with"),
        ("Password1", "is among the most common ones, or close to one of them"),
    ] {
        for arguments in [
            &["user", "add", "ada@example.com", "--password-stdin"][..],
            &["user", "password", "bob@example.com", "--password-stdin"],
            &["hash", "--password-stdin"],
        ] {
            let refusal = place.run_with(password, arguments).refused(1);
            assert_eq!(refusal, format!("error: the password {reason}\n"));
        }
    }
    assert_eq!(place.emails(), ["bob@example.com"]);
    assert!(place.logs_in("bob@example.com", PASSWORD));
}

#[test]
fn another_password_takes_the_place_of_the_old_one() {
    let place = Place::new();
    place.add("ada@example.com");
    let arguments = ["user", "password", "Ada@example.com", "--password-stdin"];
    let run = place.run_with("another canary sings", arguments);
    assert_eq!(run.good(), "changed the password of ada@example.com\n");
    assert!(place.logs_in("ada@example.com", "another canary sings"));
    assert!(!place.logs_in("ada@example.com", PASSWORD));
}

#[test]
fn administrators_come_and_go() {
    let place = Place::new();
    place.add("ada@example.com");
    let run = place.run(["user", "grant", "ada@example.com"]);
    assert_eq!(run.good(), "ada@example.com is now an administrator\n");
    assert!(place.rows()[0].user.admin);
    let run = place.run(["user", "revoke", "ADA@example.com"]);
    assert_eq!(run.good(), "ada@example.com is no longer an administrator\n");
    assert!(!place.rows()[0].user.admin);
}

#[test]
fn a_user_is_removed_only_with_a_yes() {
    let place = Place::new();
    place.add("ada@example.com");
    let refusal = place.run_with("y\n", ["user", "remove", "ada@example.com"]).refused(1);
    assert!(refusal.contains("--yes"), "{refusal}");
    assert_eq!(place.emails(), ["ada@example.com"]);
    let run = place.run(["user", "remove", "Ada@example.com", "--yes"]);
    assert_eq!(run.good(), "removed ada@example.com\n");
    assert!(place.rows().is_empty());
}

#[test]
fn an_unknown_user_is_said_to_be_unknown() {
    let place = Place::new();
    for arguments in [
        &["user", "grant", "ada@example.com"][..],
        &["user", "revoke", "ada@example.com"],
        &["user", "remove", "ada@example.com"],
        &["user", "remove", "ada@example.com", "--yes"],
        &["user", "password", "ada@example.com"],
        &["user", "password", "ada@example.com", "--password-stdin"],
    ] {
        let refusal = place.run_with(PASSWORD, arguments).refused(1);
        assert_eq!(refusal, "error: there is no user with the e-mail ada@example.com\n");
    }
}

#[test]
fn the_list_shows_kinds_of_passwords_and_no_hashes() {
    let place = Place::new();
    assert_eq!(place.run(["user", "list"]).good().lines().count(), 1);
    assert_eq!(place.run(["user", "list", "--json"]).good(), "[]\n");
    place.add("ada@example.com");
    place.run(["user", "grant", "ada@example.com"]).good();
    place.insert(&[
        ("bob@example.com", BCRYPT),
        ("cyd@example.com", PASSWORD),
        ("dan@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
        ("eve@example.com", "9cc2ae8a1ba7a93da39b46fc1019c481"),
        ("fay@example.com", &format!("!{BCRYPT}")),
    ]);

    let list = place.run(["user", "list"]).good();
    let words = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = list.lines().map(words).collect();
    for (line, start) in lines.iter().zip([
        "EMAIL ADMIN PASSWORD ADDED",
        "ada@example.com yes argon2id",
        "bob@example.com no bcrypt",
        "cyd@example.com no plain text!",
        "dan@example.com no unsupported",
        "eve@example.com no md5 digest!",
        "fay@example.com no disabled",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }

    let json: Value = serde_json::from_str(&place.run(["user", "list", "--json"]).good()).unwrap();
    assert_eq!((&json[0]["email"], &json[0]["admin"]), (&"ada@example.com".into(), &true.into()));
    assert_eq!((&json[2]["password"], &json[2]["id"]), (&"plain text!".into(), &"3".into()));
    assert_eq!(json[3]["created_at"].as_str().unwrap().len(), "2026-01-02 03:04:05".len());
}

#[test]
fn a_disabled_user_is_refused_and_enabled_again_with_the_same_hash() {
    let place = Place::new();
    place.add("ada@example.com");
    let stored = place.stored("ada@example.com");
    let run = place.run(["user", "disable", "ADA@example.com"]);
    assert_eq!(run.good(), "ada@example.com is disabled\n");
    assert_eq!(place.stored("ada@example.com"), format!("!{stored}"));
    assert!(!place.logs_in("ada@example.com", PASSWORD));
    let again = place.run(["user", "disable", "ada@example.com"]);
    assert_eq!(again.good(), "ada@example.com is disabled already\n");
    let run = place.run(["user", "enable", "ada@example.com"]);
    assert_eq!(run.good(), "ada@example.com is enabled\n");
    assert_eq!(place.stored("ada@example.com"), stored);
    assert!(place.logs_in("ada@example.com", PASSWORD));

    let refusal = place.run(["user", "enable", "ada@example.com"]).refused(1);
    assert_eq!(refusal, "error: ada@example.com was not disabled by auth-admin\n");
    place.insert(&[("bob@example.com", PASSWORD), ("cyd@example.com", "!important canary")]);
    let refusal = place.run(["user", "disable", "bob@example.com"]).refused(1);
    assert!(refusal.contains("plain text"), "{refusal}");
    place.run(["user", "enable", "cyd@example.com"]).refused(1);
}

#[test]
fn check_counts_what_is_stored_and_fails_where_a_login_would() {
    let place = Place::new();
    place.add("ada@example.com");
    place.insert(&[("bob@example.com", BCRYPT), ("cyd@example.com", &format!("!{BCRYPT}"))]);
    let found = place.run(["check"]).good();
    for line in ["1 × argon2id", "1 × bcrypt", "1 × disabled", "3, 0 administrators"] {
        assert!(found.contains(line), "{line} is not in {found}");
    }
    place.insert(&[
        ("dan@example.com", PASSWORD),
        ("eve@example.com", "9cc2ae8a1ba7a93da39b46fc1019c481"),
        ("fay@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
    ]);
    let run = place.run(["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    for line in [
        "FAILS     1 × plain text!         refused until auth-admin upgrade-plaintext",
        "FAILS     1 × md5 digest!         refused until auth-admin upgrade",
        "FAILS     1 × unsupported         refused: these users need new passwords",
    ] {
        assert!(run.out.contains(line), "{line} is not in {}", run.out);
    }
}

#[test]
fn a_list_longer_than_a_page_is_whole() {
    let place = Place::new();
    let emails: Vec<String> = (0..1001).map(|number| format!("{number}@example.com")).collect();
    let rows: Vec<(&str, &str)> = emails.iter().map(|email| (email.as_str(), BCRYPT)).collect();
    place.insert(&rows);
    assert_eq!(place.run(["user", "list"]).good().lines().count(), 1002);
}

#[test]
fn hash_prints_a_hash_that_can_be_stored_without_a_database() {
    let place = Place::new();
    let mut command = place.command();
    command.env_remove("DATABASE_URL").args(["hash", "--password-stdin"]);
    let hash = finish_unchecked(&mut command, PASSWORD).good();
    assert!(hash.starts_with("$argon2id$v=19$m=7168,t=1,p=1$") && hash.lines().count() == 1);
    place.insert(&[("ada@example.com", hash.trim_end())]);
    assert!(place.logs_in("ada@example.com", PASSWORD));
}

#[test]
fn without_a_terminal_nobody_is_asked_for_a_password() {
    let place = Place::new();
    for arguments in [&["user", "add", "ada@example.com"][..], &["hash"]] {
        let refusal = place.run_with(PASSWORD, arguments).refused(1);
        assert!(refusal.contains("--password-stdin"), "{refusal}");
    }
    let empty = place.run(["hash", "--password-stdin"]).refused(1);
    assert_eq!(empty, "error: standard input is empty\n");
}

#[test]
fn a_database_that_is_none_is_one_clear_line() {
    let place = Place::new();
    place.write("users.db", &"no database ".repeat(100));
    let error = finish(place.command().args(["user", "list"]), "").refused(78);
    assert!(error.starts_with("error: DATABASE_URL: ") && error.lines().count() == 1, "{error}");
}
