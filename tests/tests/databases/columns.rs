//! What `login` reads from columns of other types and character sets, and stores in them.

use secrecy::ExposeSecret;
use serde_json::json;
use shared::users::{NewUser, UserStoreError};

use super::*;

/// Has the length of a hash of `login`.
const ARGON2: &str = "$argon2id$v=19$m=7168,t=1,p=1$c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI";

pub(crate) async fn suite(server: &DatabaseServer) {
    for (types, value, is_admin, fits) in rows::<([String; 3], String, bool, bool)>("columns") {
        println!("{}: {types:?}, {value}", server.name());
        let [email, password, admin] = types;
        set_up(server, &table(&email, &password, &admin, &value));
        values_are_read_and_never_truncated(server, is_admin, fits).await;
    }
    groups_are_read_from_the_configured_column(server).await;
    unusable_columns_are_logged(server);
    rows_that_differ_only_in_case_are_found_by_exact_spelling(server).await;
    an_update_that_a_trigger_changes_is_undone(server).await;
    changes_are_committed_on_a_server_without_autocommit(server).await;
}

fn stored(server: &DatabaseServer) -> String {
    server.query("SELECT CONVERT(password USING utf8mb4) FROM auth.user")
}

async fn values_are_read_and_never_truncated(server: &DatabaseServer, is_admin: bool, fits: bool) {
    let [login, root] = open_both(server).await;
    let user = find(&login, EMAIL).await.unwrap();
    assert_eq!((user.password.expose_secret(), user.admin), (BCRYPT, is_admin));
    assert_eq!(find(&login, "ADA@Example.com").await.unwrap().id, user.id);
    // Some of them have characters that the column cannot hold.
    for unknown in ["eve@example.com", "ж@example.com", "😀@example.com"] {
        assert!(find(&login, unknown).await.is_none(), "{unknown}");
    }

    let replaced = login.users.replace_hash(&user, ARGON2).await;
    let set = root.set_hash(&user, ARGON2).await;
    for outcome in [replaced, set] {
        let is_right = match outcome {
            Ok(done) => fits && done,
            Err(UserStoreError::HashTooLong(length)) => !fits && length == ARGON2.len(),
            Err(_) => false,
        };
        assert!(is_right, "{outcome:?}");
    }
    assert_eq!(stored(server), if fits { ARGON2 } else { BCRYPT });
    // `set_admin` reports success only if `login` reads the user as an administrator.
    let granted = root.set_admin(&user, true).await.is_ok_and(|granted| granted);
    assert_eq!(find(&login, EMAIL).await.unwrap().admin, granted);
}

/// The column's name has to be quoted.
async fn groups_are_read_from_the_configured_column(server: &DatabaseServer) {
    let variables = with(server.login_variables(), &[("USER_GROUPS_COLUMN", "order")]);
    let check = || run("auth-admin", &["check"], &variables, "").stdout;
    for (r#type, value, groups) in rows::<(String, String, Vec<String>)>("groups") {
        set_up(server, &usual_table());
        server.sql(&format!(
            "SET sql_mode = ''; USE auth; ALTER TABLE user ADD `order` {type};
             UPDATE user SET `order` = {value};
             GRANT SELECT (`order`) ON user TO auth_user@'%'"
        ));
        let user = find(&open(&variables, 1).await, EMAIL).await.unwrap();
        assert_eq!(user.groups, groups, "{}: {type}, {value}", server.name());
        assert!(r#type != "INT" || check().contains("; grants no groups"), "{}", check());
    }
    server.sql("UPDATE auth.user SET `order` = 'x'");
    let [of_login, of_groups] = [&server.login_variables(), &variables].map(|it| {
        let login = login(it.clone(), &[]);
        claims(&login, EMAIL, PASSWORD).unwrap().get("groups").cloned()
    });
    assert_eq!((of_login, of_groups), (None, Some(json!(["x"]))));
    server.sql("ALTER TABLE auth.user DROP `order`");
    let login = login(variables.clone(), &[]);
    assert_eq!(log_in(&login, EMAIL, PASSWORD).status, 503);
    assert!(check().contains("FAILS     column order            is missing"), "{}", check());
}

/// `login` still works, but stores no new hashes and knows no administrators.
fn unusable_columns_are_logged(server: &DatabaseServer) {
    for (admin, value, found) in [("ENUM('y')", "'y'", "ENUM"), ("BOOLEAN", "NULL", "NULL")] {
        set_up(server, &table("VARCHAR(99) CHARACTER SET latin1", "VARCHAR(60)", admin, value));
        let login = login(server.login_variables(), &[]);
        for _ in 0..2 {
            assert_eq!(claims(&login, EMAIL, PASSWORD).unwrap()["admin"], false);
        }
        let guess = |_| log_in(&login, "😀@example.com", "x").status;
        assert_eq!([0, 1, 2, 3, 4, 5].map(guess), [401, 401, 401, 401, 401, 429]);
        let (_, log) = login.terminate();
        for (part, count) in [
            (&*format!(r#""found":"{found}""#), 1),
            ("the new password hash was not stored", 2),
            ("too short: it has to hold 96 characters", 2),
            ("authn_password_rehashed", 0),
            ("the database failed", 0),
        ] {
            assert_eq!(log.matches(part).count(), count, "{part}: {log}");
        }
    }
}

async fn rows_that_differ_only_in_case_are_found_by_exact_spelling(server: &DatabaseServer) {
    for collation in ["utf8mb4_bin", "utf8mb4_general_ci"] {
        let column = format!("VARCHAR(255) COLLATE {collation}");
        let table = table(&column, "VARCHAR(255)", "BOOLEAN", "FALSE").replace("UNIQUE", "");
        set_up(server, &format!("{table}; INSERT INTO user (email) VALUES ('Ada@example.com')"));
        let [login, root] = open_both(server).await;
        let twice = NewUser { email: EMAIL.into(), hash: ARGON2.into(), admin: false };
        let added = root.add(&[twice]).await;
        assert!(matches!(added, Err(UserStoreError::NotKept)), "the e-mail exists: {added:?}");
        for (spelling, id) in [(EMAIL, "1"), ("Ada@example.com", "2"), ("ADA@example.com", "1")] {
            assert_eq!(find(&login, spelling).await.unwrap().id, id, "{collation}: {spelling}");
        }
    }
}

/// Also in a table without transactions.
async fn an_update_that_a_trigger_changes_is_undone(server: &DatabaseServer) {
    let cut =
        "NEW.password = IF(NEW.password LIKE '$argon2%', LEFT(NEW.password, 20), NEW.password)";
    let moved = "NEW.email = 'eve@example.com'";
    for (engine, change) in [("InnoDB", cut), ("MyISAM", cut), ("InnoDB", moved)] {
        set_up(server, &format!("{}; ALTER TABLE user ENGINE = {engine}", usual_table()));
        server.sql(&format!(
            "CREATE TRIGGER auth.t BEFORE UPDATE ON auth.user FOR EACH ROW SET {change}"
        ));
        let [login, root] = open_both(server).await;
        let user = find(&login, EMAIL).await.unwrap();
        for outcome in
            [login.users.replace_hash(&user, ARGON2).await, root.set_hash(&user, ARGON2).await]
        {
            assert!(matches!(outcome, Err(UserStoreError::NotKept)), "{change}: {outcome:?}");
            assert_eq!(stored(server), BCRYPT, "{engine}: {change}");
        }
    }
}

async fn changes_are_committed_on_a_server_without_autocommit(server: &DatabaseServer) {
    set_up(server, &usual_table());
    server.sql("SET GLOBAL autocommit = 0");
    let login = login(server.login_variables(), &[]);
    let statuses = ["wrong", PASSWORD].map(|it| log_in(&login, EMAIL, it).status);
    assert_eq!(statuses, [401, 200]);
    let [_, root] = open_both(server).await;
    let user = find(&root, EMAIL).await.unwrap();
    assert!(root.set_admin(&user, true).await.unwrap());
    server.sql("SET GLOBAL autocommit = 1");
    assert_eq!(server.query("SELECT LEFT(password, 9), admin FROM auth.user"), "$argon2id\t1");
}
