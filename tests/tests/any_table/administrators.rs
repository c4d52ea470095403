//! Who is an administrator in the columns of other systems.

use system_tests::database::DatabaseServer;

use crate::{BCRYPT, EMAIL, PASSWORD, admin, claims, login, set_up};

pub(crate) fn suite(server: &DatabaseServer) {
    only_a_whole_number_makes_an_administrator(server);
    the_tool_grants_nothing_that_login_would_not_see(server);
}

fn table(r#type: &str, value: &str) -> String {
    format!(
        "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) UNIQUE,
           password VARCHAR(255), admin {type});
         INSERT INTO user (email, password, admin) VALUES ('{EMAIL}', '{BCRYPT}', {value})"
    )
}

fn only_a_whole_number_makes_an_administrator(server: &DatabaseServer) {
    for (r#type, value, is_admin) in [
        ("BOOLEAN", "TRUE", true),
        ("BOOLEAN", "FALSE", false),
        ("BIT(1)", "b'1'", true),
        ("BIT(1)", "b'0'", false),
        ("BIT(20)", "b'10000000000000000000'", true),
        ("TINYINT UNSIGNED", "2", true),
        ("INT", "-1", true),
        ("BIGINT UNSIGNED", "18446744073709551615", true),
        ("MEDIUMINT", "0", false),
    ] {
        set_up(server, &table(r#type, value));
        let login = login(server, &[]);
        assert_eq!(claims(&login, EMAIL, PASSWORD)["admin"], is_admin, "{type} {value}");
        let (_, log) = login.terminate();
        assert!(!log.contains("WARN"), "{type} {value}: {log}");
    }
    for (r#type, value, found) in [
        ("ENUM('n','y')", "'n'", "ENUM"),
        ("ENUM('n','y')", "'y'", "ENUM"),
        ("ENUM('0','1') COLLATE utf8mb4_bin", "'1'", ""),
        ("SET('user','admin')", "'admin'", ""),
        ("VARCHAR(5)", "'true'", "VARCHAR"),
        ("CHAR(1)", "'1'", "CHAR"),
        ("TEXT", "'1'", "TEXT"),
        ("VARBINARY(1)", "'1'", "VARBINARY"),
        ("DECIMAL(1,0)", "1", "DECIMAL"),
        ("DOUBLE", "1", "DOUBLE"),
        ("YEAR", "2026", "YEAR"),
        ("DATE", "'2026-11-26'", "DATE"),
        ("JSON", "'true'", ""),
        ("BOOLEAN", "NULL", "NULL"),
    ] {
        set_up(server, &table(r#type, value));
        let login = login(server, &[]);
        for _ in 0..2 {
            assert_eq!(claims(&login, EMAIL, PASSWORD)["admin"], false, "{type} {value}");
        }
        let (_, log) = login.terminate();
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
        let [warning] = warnings[..] else { panic!("{type} {value}: {warnings:?}") };
        let found = format!(r#""found":"{found}"#);
        assert!(warning.contains("`admin`") && warning.contains(&found), "{warning}");
    }
}

fn the_tool_grants_nothing_that_login_would_not_see(server: &DatabaseServer) {
    set_up(server, &table("ENUM('n','y')", "'n'"));
    let run = admin(server, &["user", "grant", EMAIL], "");
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert!(run.stderr.contains("column `admin`"), "{}", run.stderr);
    assert_eq!(server.query("SELECT admin FROM auth.user"), "n");
    let arguments = ["user", "add", "boss@example.com", "--admin", "--password-stdin"];
    let run = admin(server, &arguments, "a long enough passphrase\n");
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert_eq!(server.query("SELECT COUNT(*) FROM auth.user"), "1");
    let listed = admin(server, &["user", "list"], "");
    assert!(listed.stdout.contains("ada@example.com  no "), "{}", listed.stdout);
}
