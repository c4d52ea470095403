//! One user at a time, and the list of all.

use serde_json::Value;

use crate::support::{BCRYPT, MD5, PASSWORD, Place, UNSUPPORTED, finish, finish_unchecked};

#[test]
fn an_added_user_can_log_in_and_the_email_is_taken_in_any_case() {
    let place = Place::new();
    place.add("ada@example.com");
    assert!(place.logs_in("ada@example.com", PASSWORD));
    let hash = place.stored("ada@example.com");
    assert!(hash.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "the configured cost");
    let run = place.run_with(PASSWORD, ["user", "add", "ADA@Example.com", "--password-stdin"]);
    assert_eq!(run.refused(1), "error: there is a user with this e-mail already\n");
    place.run_with(PASSWORD, ["user", "add", "b@b", "--admin", "--password-stdin"]).good();
    let admins: Vec<bool> = place.rows().iter().map(|row| row.user.admin).collect();
    assert_eq!(admins, [false, true]);
}

#[test]
fn an_email_that_could_not_log_in_is_refused_before_the_database_is_opened() {
    let place = Place::new();
    let run = place.run_with(PASSWORD, ["user", "add", "a:b@example.com", "--password-stdin"]);
    assert_eq!(run.refused(1), "error: the e-mail contains a colon\n");
    assert!(!place.path("users.db").exists());
}

#[test]
fn weak_passwords_are_refused_with_the_reason() {
    let place = Place::new();
    place.add("bob@example.com");
    for (password, reason) in [
        ("canary", "is shorter than 8 characters"),
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
fn each_change_of_a_user_is_made_and_said() {
    let place = Place::new();
    place.add("ada@example.com");
    let arguments = ["user", "password", "Ada@example.com", "--password-stdin"];
    let run = place.run_with("another canary sings", arguments);
    assert_eq!(run.good(), "changed the password of ada@example.com\n");
    assert!(place.logs_in("ada@example.com", "another canary sings"));
    assert!(!place.logs_in("ada@example.com", PASSWORD));
    for (command, said, admin) in [
        ("grant", "ada@example.com is now an administrator\n", true),
        ("revoke", "ada@example.com is no longer an administrator\n", false),
    ] {
        assert_eq!(place.run(["user", command, "ADA@example.com"]).good(), said);
        assert_eq!(place.rows()[0].user.admin, admin);
    }
    let refusal = place.run_with("y\n", ["user", "remove", "ada@example.com"]).refused(1);
    assert!(refusal.contains("--yes"), "without a terminal: {refusal}");
    assert_eq!(place.emails(), ["ada@example.com"]);
    let run = place.run(["user", "remove", "Ada@example.com", "--yes"]);
    assert_eq!(run.good(), "removed ada@example.com\n");
    assert!(place.rows().is_empty());
}

#[test]
fn an_unknown_user_is_said_to_be_unknown() {
    let place = Place::new();
    for arguments in [
        "grant ada@example.com",
        "revoke ada@example.com",
        "disable ada@example.com",
        "enable ada@example.com",
        "remove ada@example.com",
        "remove ada@example.com --yes",
        "password ada@example.com",
        "password ada@example.com --password-stdin",
    ] {
        let run = place.run_with(PASSWORD, ["user"].into_iter().chain(arguments.split(' ')));
        assert_eq!(run.refused(1), "error: there is no user with the e-mail ada@example.com\n");
    }
}

#[test]
fn the_list_shows_kinds_of_passwords_and_no_hashes() {
    let place = Place::new();
    place.add("ada@example.com");
    place.run(["user", "grant", "ada@example.com"]).good();
    let rows = [BCRYPT, PASSWORD, UNSUPPORTED, MD5, &format!("!{BCRYPT}")];
    for (number, stored) in rows.into_iter().enumerate() {
        place.insert(&[(&format!("{number}@b"), stored)]);
    }
    let list = place.run(["user", "list"]).good();
    assert_eq!(list.lines().count(), 7, "{list}");
    for (line, start) in list.lines().zip([
        "EMAIL            ADMIN  PASSWORD     ADDED (UTC)          CHANGED (UTC)",
        "ada@example.com  yes    argon2id     20",
        "0@b              no     bcrypt       20",
        "1@b              no     plain text!  20",
        "2@b              no     unsupported  20",
        "3@b              no     md5 digest!  20",
        "4@b              no     disabled     20",
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
    for said in ["is disabled", "is disabled already"] {
        let run = place.run(["user", "disable", "ADA@example.com"]);
        assert_eq!(run.good(), format!("ada@example.com {said}\n"));
        assert_eq!(place.stored("ada@example.com"), format!("!{stored}"));
    }
    assert!(!place.logs_in("ada@example.com", PASSWORD));
    let run = place.run(["user", "enable", "ada@example.com"]);
    assert_eq!(run.good(), "ada@example.com is enabled\n");
    assert_eq!(place.stored("ada@example.com"), stored);

    place.insert(&[("bob@example.com", PASSWORD), ("cyd@example.com", "!important canary")]);
    for (command, email, reason) in [
        ("enable", "ada@example.com", "ada@example.com was not disabled by auth-admin"),
        ("enable", "cyd@example.com", "cyd@example.com was not disabled by auth-admin"),
        ("disable", "bob@example.com", "or a plain text"),
    ] {
        let refusal = place.run(["user", command, email]).refused(1);
        assert!(refusal.contains(reason), "{refusal}");
    }
}

#[test]
fn check_fails_where_a_login_would() {
    let place = Place::new();
    place.add("ada@example.com");
    place.insert(&[("cyd@example.com", &format!("!{BCRYPT}"))]);
    let found = place.run(["check"]).good();
    for line in ["1 × argon2id", "1 × disabled", "2, 0 administrators"] {
        assert!(found.contains(line), "{line} is not in {found}");
    }
    for (stored, line) in [
        (PASSWORD, "FAILS     1 × plain text!         refused until auth-admin upgrade-plaintext"),
        (MD5, "FAILS     1 × md5 digest!         refused until auth-admin upgrade"),
        (UNSUPPORTED, "FAILS     1 × unsupported         refused: these users need new passwords"),
    ] {
        place.insert(&[(&format!("{}@b", stored.len()), stored)]);
        let run = place.run(["check"]);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
        assert!(run.out.contains(line), "{line} is not in {}", run.out);
    }
}

#[test]
fn hash_prints_a_hash_that_can_be_stored_without_a_database() {
    let place = Place::new();
    let mut command = place.command();
    command.env_remove("DATABASE_URL").args(["hash", "--password-stdin"]);
    let hash = finish_unchecked(&mut command, PASSWORD).good();
    place.insert(&[("ada@example.com", hash.trim_end())]);
    assert!(place.logs_in("ada@example.com", PASSWORD));
}

#[test]
fn without_a_terminal_no_password_is_asked_for() {
    let place = Place::new();
    for arguments in [&["user", "add", "ada@example.com"][..], &["hash"]] {
        let refusal = place.run_with(PASSWORD, arguments).refused(1);
        assert!(refusal.contains("--password-stdin"), "{refusal}");
    }
}

#[test]
fn a_file_that_is_no_database_is_one_clear_line() {
    let place = Place::new();
    place.write("users.db", &"no database ".repeat(100));
    let error = finish(place.command().args(["user", "list"]), "").refused(78);
    assert!(error.starts_with("error: DATABASE_URL: ") && error.lines().count() == 1, "{error}");
}
