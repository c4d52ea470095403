//! Hashes by the libraries of other systems: each logs in with its password.

use serde_json::Value;
use system_tests::{database::DatabaseServer, mariadb, mysql9, workspace};

use crate::{admin, login, set_up, status};

#[test]
#[ignore = "needs MariaDB: make test"]
fn users_of_other_systems_log_in_with_mariadb() {
    all_users_log_in(&mariadb::start());
}

#[test]
#[ignore = "needs MySQL 9: make verify"]
fn users_of_other_systems_log_in_with_mysql_9() {
    all_users_log_in(&mysql9::start());
}

fn all_users_log_in(server: &DatabaseServer) {
    let file = std::fs::read_to_string(workspace().join("tests/data/stored-hashes.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&file).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let email = |number: usize| format!("{number}@example.com");
    let inserts = rows.iter().enumerate().map(|(number, row)| {
        format!(
            "INSERT INTO user (email, password) VALUES ('{}', '{}');",
            email(number),
            text(row, "stored")
        )
    });
    set_up(
        server,
        &format!(
            "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) UNIQUE,
               password VARCHAR(255), admin BOOLEAN NOT NULL DEFAULT FALSE); {}",
            inserts.collect::<String>()
        ),
    );
    let stored = |number| {
        server.query(&format!("SELECT password FROM auth.user WHERE email = '{}'", email(number)))
    };
    let login = login(server, &[]);
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row["login"] != "replaced") {
        for password in ["password", "stored"] {
            assert_eq!(status(&login, &email(number), &text(row, password)), 401, "{row}");
        }
        assert_eq!(stored(number), text(row, "stored"), "{row}");
    }

    let digests = rows.iter().filter(|row| row["login"] != "replaced").count();
    let upgraded = admin(server, &["upgrade", "--yes"], "");
    assert_eq!(upgraded.stdout, format!("digests hashed: {digests}\n"), "{}", upgraded.stderr);
    admin(server, &["throttle", "reset", "--all"], "");

    for (number, row) in rows.iter().enumerate() {
        let (email, password) = (email(number), text(row, "password"));
        assert_eq!(status(&login, &email, "another password"), 401, "{row}");
        assert!(!stored(number).starts_with("$argon2id$v=19$m=7168,"), "{row}");
        for time in ["first", "second"] {
            assert_eq!(status(&login, &email, &password), 200, "{time} login of {row}");
            let now = stored(number);
            assert!(now.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "{row}: {now}");
        }
        assert_eq!(status(&login, &email, "another password"), 401, "{row}");
        assert_eq!(status(&login, &email, &text(row, "stored")), 401, "{row}");
    }
}
