//! `auth-admin` with tables not made by `init.sql`, and the view of docs/moving-over.md.

use system_tests::database::AUTH_PASSWORD;

use super::*;

pub(crate) async fn suite(server: &DatabaseServer) {
    check_reports_problems_and_changes_nothing(server);
    check_explains_a_refused_account_and_reports_one_for_a_single_host(server);
    a_user_without_an_id_is_not_added(server);
    values_that_do_not_fit_are_refused(server);
    users_are_listed_with_missing_or_unusual_columns(server);
    the_view_of_the_guide_renames_columns(server);
    binary_ids_are_read_through_a_view(server).await;
}

/// Runs `auth-admin check` with the account of `login`, and checks the exit status and that the
/// output has these parts. It must print a warning only if one of the parts is a warning.
fn check(server: &DatabaseServer, code: i32, parts: &[&str]) {
    let found = run("auth-admin", &["check"], &server.login_variables(), "");
    let text = found.stdout;
    assert_eq!((found.status.code(), found.stderr.as_str()), (Some(code), ""), "{text}");
    assert!(!text.contains("$2b$"), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let warns = parts.iter().any(|part| part.starts_with("WARNING"));
    assert_eq!(text.contains("WARNING"), warns, "{text}");
}

fn check_reports_problems_and_changes_nothing(server: &DatabaseServer) {
    for (change, code, parts) in rows::<(String, i32, Vec<String>)>("check") {
        let change = change.replace("{EMAIL}", EMAIL).replace("{BCRYPT}", BCRYPT);
        set_up(server, "");
        server.sql(&format!("USE auth; {change}"));
        let before = server.query("SELECT * FROM auth.user");
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        check(server, code, &parts);
        assert_eq!(server.query("SELECT * FROM auth.user"), before);
    }
}

/// The server runs with `--skip-name-resolve`, hence 127.0.0.1 and not `localhost`.
fn check_explains_a_refused_account_and_reports_one_for_a_single_host(server: &DatabaseServer) {
    let refused = |password: &str| {
        let variables = with(server.login_variables(), &[("MYSQL_PASSWORD", password)]);
        let found = run("auth-admin", &["check"], &variables, "");
        assert_eq!((found.status.code(), found.stdout.as_str()), (Some(1), ""));
        for part in ["the password is wrong, the account is locked", "auth_user@localhost"] {
            assert!(found.stderr.contains(part), "{}", found.stderr);
        }
    };
    set_up(server, &usual_table());
    refused("without a second account");
    let password = AUTH_PASSWORD.replace('\\', r"\\").replace('\'', "''");
    let password = if server.name() == "MariaDB" {
        format!("PASSWORD('{password}')")
    } else {
        format!("'{password}'")
    };
    for (host, parts) in [
        ("127.0.0.%", &[][..]),
        ("127.0.0.1", &["WARNING   account                 auth_user@127.0.0.1; an account of"]),
    ] {
        let account = format!("auth_user@'{host}'");
        server.sql(&format!("CREATE USER {account} IDENTIFIED BY 'Auth123'"));
        refused(AUTH_PASSWORD);
        server.sql(&format!(
            "GRANT ALL ON auth.* TO {account}; SET PASSWORD FOR {account} = {password}"
        ));
        check(server, 0, parts);
        server.sql(&format!("DROP USER {account}"));
    }
    check(server, 0, &[]);
}

fn a_user_without_an_id_is_not_added(server: &DatabaseServer) {
    let table = usual_table().replace("INT AUTO_INCREMENT PRIMARY KEY", "VARCHAR(36) DEFAULT ''");
    set_up(server, &table.replace("UNIQUE", "PRIMARY KEY"));
    let added = admin(server, "user add bob@example.com --password-stdin");
    assert_eq!((added.status.code(), added.stdout.as_str()), (Some(1), ""));
    assert!(added.stderr.contains("does not keep"), "{}", added.stderr);
    assert_eq!(server.query("SELECT email FROM auth.user"), EMAIL);
}

/// Also through a view, whose columns have other names in the table.
fn values_that_do_not_fit_are_refused(server: &DatabaseServer) {
    let table = table("VARCHAR(190)", "VARCHAR(60)", "ENUM('n','y')", "'n'");
    let view = "RENAME TABLE user TO members; ALTER TABLE members CHANGE password pw VARCHAR(60);
                CREATE VIEW user AS SELECT id, email, pw AS password, admin FROM members";
    for tables in [&table, &format!("{table}; {view}")] {
        set_up(server, tables);
        for (line, column) in [
            ("user add bob@example.com --password-stdin", "password"),
            ("user password ada@example.com --password-stdin", "password"),
            ("user disable ada@example.com", "password"),
            ("user grant ada@example.com", "admin"),
        ] {
            let run = admin(server, line);
            assert_eq!((run.status.code(), run.stdout.as_str()), (Some(1), ""), "{line}");
            let named = run.stderr.contains(&format!("the column `{column}`"));
            assert!(named, "{line}: {}", run.stderr);
        }
        let rows = server.query("SELECT email, password, admin FROM auth.user");
        assert_eq!(rows, format!("{EMAIL}\t{BCRYPT}\tn"));
    }
}

fn users_are_listed_with_missing_or_unusual_columns(server: &DatabaseServer) {
    let rows = format!(
        "INSERT INTO user (email, password) VALUES
           ('{EMAIL}', '{BCRYPT}'), (NULL, NULL), ('eve@example.com', 'a passphrase of eve')"
    );
    for columns in [
        "",
        "admin BOOLEAN, created_at DATETIME DEFAULT '0000-00-00', updated_at INT DEFAULT 1,",
        "admin VARCHAR(9), created_at VARCHAR(9) DEFAULT 'once',",
    ] {
        // Without `init.sql`, which requires all columns.
        server.sql(&format!(
            "SET sql_mode = ''; DROP DATABASE auth; CREATE DATABASE auth; USE auth;
             CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), {columns}
               password VARCHAR(255)); {rows}"
        ));
        let listed = admin(server, "user list");
        assert_eq!((listed.status.code(), listed.stderr.as_str()), (Some(0), ""), "{columns}");
        assert_eq!(listed.stdout.lines().count(), 4, "{columns}: {}", listed.stdout);
        let upgraded = admin(server, "upgrade-plaintext --yes").stdout;
        assert_eq!(upgraded, "plain texts hashed: 1\n", "{columns}");
    }
}

fn the_view_of_the_guide_renames_columns(server: &DatabaseServer) {
    let guide = std::fs::read_to_string(workspace().join("docs/moving-over.md")).unwrap();
    let (_, from_view) = guide.split_once("```sql\nCREATE DATABASE IF NOT EXISTS auth").unwrap();
    let (view, _) = from_view.split_once("```").unwrap();
    server.sql(&format!(
        "DROP DATABASE IF EXISTS app; CREATE DATABASE app CHARACTER SET utf8mb4; USE app;
         CREATE TABLE users (id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
           username VARCHAR(150) NOT NULL UNIQUE, password_hash VARCHAR(128) NOT NULL,
           is_staff TINYINT(1) NOT NULL, is_active TINYINT(1) NOT NULL, joined DATETIME NOT NULL);
         INSERT INTO users VALUES
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0001', 'staff', '{BCRYPT}', 1, 1, NOW()),
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0002', '{EMAIL}', '{BCRYPT}', 0, 1, NOW()),
           ('0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0003', 'gone', '{BCRYPT}', 1, 0, NOW())"
    ));
    set_up(server, &format!("CREATE DATABASE IF NOT EXISTS auth{view}"));
    check(server, 0, &[]);

    let login = login(server.login_variables(), &[]);
    let staff = claims(&login, "Staff", PASSWORD).unwrap();
    assert_eq!(staff["sub"], "0b8e6a3c-6f2f-4a07-9d0f-3f0f6d1c0001");
    assert_eq!((&staff["username"], &staff["admin"]), (&"staff".into(), &true.into()));
    assert_eq!(claims(&login, EMAIL, PASSWORD).unwrap()["admin"], false);
    assert_eq!(log_in(&login, "gone", PASSWORD).status, 401, "not active");
    let rows = "SELECT username, LEFT(password_hash, 9) FROM app.users ORDER BY id";
    let expected = format!("staff\t$argon2id\n{EMAIL}\t$argon2id\ngone\t$2b$04$ab");
    assert_eq!(server.query(rows), expected);

    assert_eq!(admin(server, "user disable ada@example.com").status.code(), Some(0));
    assert_eq!(log_in(&login, EMAIL, PASSWORD).status, 401);
}

async fn binary_ids_are_read_through_a_view(server: &DatabaseServer) {
    let text = if server.name() == "MariaDB" { "LOWER(HEX(id))" } else { "BIN_TO_UUID(id)" };
    let table = usual_table().replace("INT AUTO_INCREMENT", "BINARY(16)");
    let set_id = "UPDATE user SET id = 0x0b8e6a3c6f2f4a079d0f3f0f6d1cffff";
    set_up(server, &format!("{table}; {set_id}"));
    check(server, 1, &["FAILS     column id"]);
    let [login, _] = open_both(server).await;
    assert!(find(&login, EMAIL).await.is_none());

    let view = format!("CREATE VIEW user AS SELECT {text} AS id, email, password, admin FROM m");
    set_up(server, &format!("{table}; {set_id}; RENAME TABLE user TO m; {view}"));
    let [login, _] = open_both(server).await;
    let user = find(&login, EMAIL).await.unwrap();
    assert_eq!(user.id.replace('-', ""), "0b8e6a3c6f2f4a079d0f3f0f6d1cffff");
    check(server, 0, &[]);
    assert!(login.users.replace_hash(&user, "another").await.unwrap());
    assert_eq!(server.query("SELECT password FROM auth.m"), "another");
}
