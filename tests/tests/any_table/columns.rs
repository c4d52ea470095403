//! Columns of other types and character sets, and such as are not there.

use system_tests::{database::DatabaseServer, scratch, wait};

use crate::{BCRYPT, EMAIL, PASSWORD, admin, attempt, claims, login, set_up, status};

pub(crate) fn suite(server: &DatabaseServer) {
    binary_columns_are_texts(server);
    rows_that_differ_in_case_alone_each_log_in_by_their_spelling(server);
    an_address_that_the_column_cannot_hold_is_wrong_credentials(server);
    what_can_be_read_is_listed(server);
    a_file_says_what_its_passwords_are(server);
}

/// A digest that was declared a plain text would log in by itself.
fn a_file_says_what_its_passwords_are(server: &DatabaseServer) {
    set_up(server, "");
    let folder = scratch::directory();
    let file = folder.path().join("users.csv");
    let path = file.to_str().unwrap();
    // MD5 of `secret`.
    let md5 = "5ebe2294ecd0e0f08eab7690d2a6ee69";
    std::fs::write(&file, format!("email,password\n{EMAIL},{md5}\nbob@example.com,{BCRYPT}\n"))
        .unwrap();
    let refused = admin(server, &["user", "import", "--passwords", "plain", path], "");
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
    assert!(refused.stderr.starts_with("error: line 2: the password looks like a hash"));
    assert_eq!(server.query("SELECT COUNT(*) FROM auth.user"), "0");

    let added = admin(server, &["user", "import", "--passwords", "hashed", path], "");
    assert_eq!(added.stdout, "added 2 users\n", "{}", added.stderr);
    let login = login(server, &[]);
    for email in [EMAIL, "bob@example.com"] {
        assert_eq!(status(&login, email, md5), 401, "{email}");
        assert_eq!(status(&login, email, PASSWORD), 200, "{email}");
    }
}

fn binary_columns_are_texts(server: &DatabaseServer) {
    for (email, password) in [
        ("VARCHAR(255)", "VARBINARY(255)"),
        ("VARCHAR(255)", "BLOB"),
        ("VARBINARY(255)", "VARBINARY(255)"),
        ("VARBINARY(255)", "TEXT"),
        ("VARCHAR(255) COLLATE utf8mb4_bin", "LONGBLOB"),
    ] {
        set_up(
            server,
            &format!(
                "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email {email} UNIQUE,
                   password {password}, admin BOOLEAN NOT NULL DEFAULT FALSE);
                 INSERT INTO user (email, password) VALUES ('{EMAIL}', '{BCRYPT}')"
            ),
        );
        let login = login(server, &[]);
        for (spelling, given, expected) in [
            (EMAIL, PASSWORD, 200),
            (EMAIL, PASSWORD, 200),
            ("ADA@Example.com", PASSWORD, 200),
            (EMAIL, "wrong", 401),
            ("nobody@example.com", PASSWORD, 401),
        ] {
            let found = status(&login, spelling, given);
            assert_eq!(found, expected, "{email}, {password}: {spelling}\n{}", login.log());
        }
        let stored = server.query("SELECT CONVERT(password USING utf8mb4) FROM auth.user");
        assert!(stored.starts_with("$argon2id$"), "{email}, {password}: {stored}");
    }
}

fn rows_that_differ_in_case_alone_each_log_in_by_their_spelling(server: &DatabaseServer) {
    for collation in ["utf8mb4_bin", "utf8mb4_general_ci"] {
        set_up(
            server,
            &format!(
                "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY,
                   email VARCHAR(255) COLLATE {collation}, password VARCHAR(255),
                   admin BOOLEAN NOT NULL DEFAULT FALSE, KEY (email));
                 INSERT INTO user (email, password) VALUES
                   ('ada@example.com', '{BCRYPT}'), ('Ada@example.com', '{BCRYPT}')"
            ),
        );
        let login = login(server, &[]);
        for (spelling, id) in
            [("ada@example.com", "1"), ("Ada@example.com", "2"), ("ADA@example.com", "1")]
        {
            assert_eq!(claims(&login, spelling, PASSWORD)["sub"], id, "{collation}: {spelling}");
        }
    }
}

fn an_address_that_the_column_cannot_hold_is_wrong_credentials(server: &DatabaseServer) {
    for charset in ["latin1", "utf8mb3", "ascii", "utf8mb4"] {
        set_up(
            server,
            &format!(
                "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY,
                   email VARCHAR(190) CHARACTER SET {charset} UNIQUE, password VARCHAR(255),
                   admin BOOLEAN NOT NULL DEFAULT FALSE);
                 INSERT INTO user (email, password) VALUES ('{EMAIL}', '{BCRYPT}')"
            ),
        );
        let login = login(server, &[]);
        assert_eq!(status(&login, EMAIL, PASSWORD), 200, "{charset}");
        let opened = || {
            let line = server.query("SHOW GLOBAL STATUS LIKE 'Connections'");
            line.split('\t').nth(1).unwrap().parse::<usize>().unwrap()
        };
        // All connections that there will be.
        for number in 0..8 {
            status(&login, &format!("😀{number}@example.com"), PASSWORD);
        }
        let before = opened();
        for number in 0..20 {
            let answer = attempt(&login, &format!("ж😀{number}@example.com"), PASSWORD);
            let found = (answer.status, answer.text());
            assert_eq!(found, (401, "invalid credentials"), "{charset}\n{}", login.log());
        }
        // The second look is a connection itself.
        assert!(opened() - before <= 2, "{charset}: {} new connections", opened() - before);
        let guesses: Vec<u16> = (0..6).map(|_| status(&login, "😀@example.com", "x")).collect();
        assert_eq!(guesses, [401, 401, 401, 401, 401, 429], "{charset}");
        let log = login.log();
        assert!(!log.contains("the database"), "{charset}: {log}");
    }
}

fn what_can_be_read_is_listed(server: &DatabaseServer) {
    let rows = format!(
        "INSERT INTO user (email, password) VALUES
           ('{EMAIL}', '{BCRYPT}'), (NULL, NULL), ('eve@example.com', 'a passphrase of eve')"
    );
    for (columns, more) in [
        ("", ""),
        (", admin BOOLEAN NULL, created_at DATETIME NULL, updated_at TIMESTAMP NULL", ""),
        (
            ", admin BOOLEAN NULL, created_at DATETIME, updated_at INT",
            "UPDATE user SET created_at = '0000-00-00 00:00:00', updated_at = 1;",
        ),
        (", admin VARCHAR(9), created_at VARCHAR(9)", "UPDATE user SET created_at = 'once';"),
    ] {
        server.sql(&format!(
            "SET sql_mode = ''; DROP DATABASE IF EXISTS auth; CREATE DATABASE auth; USE auth;
             CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255),
               password VARCHAR(255){columns}); {rows}; {more}"
        ));
        let listed = admin(server, &["user", "list"], "");
        assert_eq!((listed.status.code(), listed.stderr.as_str()), (Some(0), ""), "{columns}");
        assert_eq!(listed.stdout.lines().count(), 4, "{columns}: {}", listed.stdout);
        assert!(listed.stdout.contains(EMAIL) && listed.stdout.contains("bcrypt"));
        let json = admin(server, &["user", "list", "--json"], "");
        assert_eq!(json.status.code(), Some(0), "{columns}: {}", json.stderr);
        let upgraded = admin(server, &["upgrade-plaintext", "--yes"], "");
        assert_eq!(upgraded.status.code(), Some(0), "{columns}: {}", upgraded.stderr);
        assert_eq!(upgraded.stdout, "plain texts hashed: 1\n", "{columns}");
    }
    set_up(
        server,
        &format!(
            "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) UNIQUE,
               password VARCHAR(255), admin BOOLEAN NULL); {rows}"
        ),
    );
    let login = login(server, &[]);
    assert_eq!(status(&login, EMAIL, "wrong"), 401);
    wait::until("the failure is counted", std::time::Duration::from_secs(5), || {
        let listed = admin(server, &["throttle", "list"], "");
        assert_eq!(listed.status.code(), Some(0), "{}", listed.stderr);
        listed.stdout.contains(EMAIL).then_some(())
    });
}
