//! `auth-admin check`, with the account of `login`.

use system_tests::{database::DatabaseServer, process::Output, service::run};

use crate::{BCRYPT, set_up};

fn check(server: &DatabaseServer) -> Output {
    let found = run("auth-admin", &["check"], &server.login_variables(), "");
    assert_eq!(found.stderr, "");
    assert!(!found.stdout.contains("$2b$"), "{}", found.stdout);
    found
}

pub(crate) fn suite(server: &DatabaseServer) {
    a_good_table_is_said_to_be_good(server);
    what_is_wrong_is_named_and_nothing_is_changed(server);
    a_table_without_which_no_login_succeeds_fails(server);
}

fn a_good_table_is_said_to_be_good(server: &DatabaseServer) {
    set_up(server, "");
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES ('a@b', '{BCRYPT}')"));
    let found = check(server);
    assert_eq!(found.status.code(), Some(0), "{}", found.stdout);
    assert!(!found.stdout.contains("WARNING"), "{}", found.stdout);
    for part in [
        "sql_mode                none; sessions of login are strict",
        "auth_user@%",
        "GRANT ",
        "ok        look a user up",
        "ok        count failed logins",
        "ok        replace a hash",
        "ok        column admin            tinyint(1)",
        "1, 0 administrators",
        "ok        1 × bcrypt              log in, and are replaced by argon2id then",
    ] {
        assert!(found.stdout.contains(part), "{part} is not in {}", found.stdout);
    }
}

fn what_is_wrong_is_named_and_nothing_is_changed(server: &DatabaseServer) {
    set_up(
        server,
        &format!(
            "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY,
               email VARCHAR(255) COLLATE utf8mb4_bin UNIQUE, password VARCHAR(60),
               admin ENUM('n','y'));
             INSERT INTO user (email, password, admin) VALUES ('a@b', '{BCRYPT}', 'n'),
               ('A@B', '{BCRYPT}', 'y'), ('c@d', 'a passphrase', 'n'), ('e@f', '', 'n'),
               ('g@h', '9cc2ae8a1ba7a93da39b46fc1019c481', 'n'), ('i@j', NULL, NULL)"
        ),
    );
    let rows = || server.query("SELECT * FROM auth.user; SELECT COUNT(*) FROM auth.login_throttle");
    let before = rows();
    let found = check(server);
    assert_eq!(found.status.code(), Some(1), "{}", found.stdout);
    for part in [
        "WARNING   column email            varchar(255), utf8mb4_bin; finds",
        "WARNING   column password         varchar(60)",
        "make it VARCHAR(255)",
        "WARNING   column admin            enum('n','y')",
        "makes no administrators",
        "5, 0 administrators",
        "ok        2 × bcrypt",
        "FAILS     1 × plain text!",
        "FAILS     1 × md5 digest!",
        "FAILS     2 × none",
        "WARNING   A@B                     is there twice but for case",
    ] {
        assert!(found.stdout.contains(part), "{part} is not in {}", found.stdout);
    }
    assert_eq!(rows(), before);
}

fn a_table_without_which_no_login_succeeds_fails(server: &DatabaseServer) {
    for (change, part) in [
        ("DROP TABLE auth.login_throttle", "FAILS     count failed logins"),
        ("ALTER TABLE auth.user DROP admin", "FAILS     column admin"),
        ("REVOKE UPDATE (password) ON auth.user FROM 'auth_user'@'%'", "WARNING   replace a hash"),
        ("REVOKE DELETE ON auth.login_throttle FROM 'auth_user'@'%'", "FAILS     count failed"),
    ] {
        set_up(server, "");
        server.sql(change);
        let found = check(server);
        let expected = Some(i32::from(part.starts_with("FAILS")));
        assert_eq!(found.status.code(), expected, "{change}: {}", found.stdout);
        assert!(found.stdout.contains(part), "{part} is not in {}", found.stdout);
    }
}
