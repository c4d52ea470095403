//! The view of the README, as it is written there.

use system_tests::{database::DatabaseServer, service::run, workspace};

use crate::{BCRYPT, PASSWORD, admin, claims, login, set_up, status};

pub(crate) fn suite(server: &DatabaseServer) {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, from_view) = readme.split_once("```sql\nCREATE DATABASE IF NOT EXISTS auth").unwrap();
    let (view, _) = from_view.split_once("```").unwrap();
    server.sql(&format!(
        "DROP DATABASE IF EXISTS app; CREATE DATABASE app CHARACTER SET utf8mb4; USE app;
         CREATE TABLE users (id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
           username VARCHAR(150) NOT NULL UNIQUE, password_hash VARCHAR(128) NOT NULL,
           is_staff TINYINT(1) NOT NULL, is_active TINYINT(1) NOT NULL, joined DATETIME NOT NULL);
         INSERT INTO users VALUES
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0001', 'staff', '{BCRYPT}', 1, 1, NOW()),
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0002', 'ada@example.com', '{BCRYPT}', 0, 1, NOW()),
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0003', 'gone', '{BCRYPT}', 1, 0, NOW())"
    ));
    set_up(server, &format!("CREATE DATABASE IF NOT EXISTS auth{view}"));

    let checked = run("auth-admin", &["check"], &server.login_variables(), "");
    assert_eq!(checked.status.code(), Some(0), "{}{}", checked.stdout, checked.stderr);
    assert!(!checked.stdout.contains("WARNING"), "{}", checked.stdout);

    let login = login(server, &[]);
    let staff = claims(&login, "Staff", PASSWORD);
    assert_eq!(
        (&staff["sub"], &staff["username"], &staff["admin"]),
        (&"0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0001".into(), &"staff".into(), &true.into())
    );
    assert_eq!(claims(&login, "ada@example.com", PASSWORD)["admin"], false);
    assert_eq!(status(&login, "gone", PASSWORD), 401, "not active");
    let guesses: Vec<u16> = (0..6).map(|_| status(&login, "staff", "wrong")).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 401, 429]);

    let rows =
        "SELECT username, LEFT(password_hash, 9), is_staff, is_active FROM app.users ORDER BY id";
    assert_eq!(
        server.query(rows),
        "staff\t$argon2id\t1\t1\nada@example.com\t$argon2id\t0\t1\ngone\t$2b$04$ab\t1\t0"
    );
    let listed = admin(server, &["user", "list"], "");
    assert_eq!(listed.stdout.lines().count(), 3, "{}{}", listed.stdout, listed.stderr);
    let disabled = admin(server, &["user", "disable", "ada@example.com"], "");
    assert_eq!(disabled.status.code(), Some(0), "{}", disabled.stderr);
    assert_eq!(status(&login, "ada@example.com", PASSWORD), 401);
    ids_of_bytes_are_read_through_a_view(server);
}

fn ids_of_bytes_are_read_through_a_view(server: &DatabaseServer) {
    let ids = if server.name() == "MariaDB" { "LOWER(HEX(id))" } else { "BIN_TO_UUID(id)" };
    let table = format!(
        "CREATE TABLE members (id BINARY(16) PRIMARY KEY, email VARCHAR(255) UNIQUE,
           password VARCHAR(255), admin BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO members (id, email, password)
           VALUES (0x0b8e6a3c6f2f4a079d0f3f0f6d1cffff, 'ada@example.com', '{BCRYPT}')"
    );
    set_up(server, &format!("{table}; RENAME TABLE members TO user"));
    let refused = run("auth-admin", &["check"], &server.login_variables(), "");
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
    assert!(refused.stdout.contains("FAILS     column id"), "{}", refused.stdout);
    let unread = login(server, &[]);
    assert_eq!(status(&unread, "ada@example.com", PASSWORD), 401);

    let view =
        format!("CREATE VIEW user AS SELECT {ids} AS id, email, password, admin FROM members");
    set_up(server, &format!("{table}; {view}"));
    let login = login(server, &[]);
    for _ in 0..2 {
        let sub = claims(&login, "ada@example.com", PASSWORD)["sub"].clone();
        let sub = sub.as_str().unwrap().replace('-', "");
        assert_eq!(sub, "0b8e6a3c6f2f4a079d0f3f0f6d1cffff");
    }
    assert_eq!(server.query("SELECT LEFT(password, 9) FROM auth.members"), "$argon2id");
    let checked = run("auth-admin", &["check"], &server.login_variables(), "");
    assert_eq!(checked.status.code(), Some(0), "{}{}", checked.stdout, checked.stderr);
}
