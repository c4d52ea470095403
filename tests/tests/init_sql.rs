//! `init.sql` and `upgrade-from-flask.sql`, run as an administrator runs them: through
//! the product's own client, with its defaults.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::fs;

use secrecy::ExposeSecret;
use shared::users::{NewUser, StoreError, UserDirectory, UserStore};
use system_tests::{
    database::{AUTH_PASSWORD, DatabaseServer, set_auth_password},
    mariadb, mysql9, stores, workspace,
};

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_scripts_keep_their_promises_on_mariadb() {
    suite(&mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn the_scripts_keep_their_promises_on_mysql_9() {
    suite(&mysql9::start()).await;
}

/// In this order: each begins with what the one before left.
async fn suite(server: &DatabaseServer) {
    without_a_password_the_account_is_locked(server).await;
    a_password_opens_the_account_and_stays_until_there_is_another(server).await;
    nobody_is_a_user_or_an_administrator_by_default(server);
    the_account_may_look_up_and_replace_hashes_and_no_more(server).await;
    for options in
        ["CHARSET=latin1", "CHARSET=utf8mb4 COLLATE=utf8mb4_bin", "ENGINE=MyISAM CHARSET=latin1"]
    {
        a_flask_table_keeps_its_rows_and_ids(server, options).await;
    }
}

/// Runs `init.sql` twice: as often as they like.
fn init(server: &DatabaseServer, set_password: &str) {
    let script = fs::read_to_string(workspace().join("init.sql")).unwrap();
    for _ in 0..2 {
        assert_eq!(server.run_sql(&format!("{set_password}{script}")).as_deref(), Ok(""));
    }
}

async fn may_log_in(server: &DatabaseServer, password: &str) -> bool {
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PASSWORD".into(), password.into());
    stores::open(&variables, 1).await.ping().await.is_ok()
}

fn account(server: &DatabaseServer) -> String {
    server.query("SHOW CREATE USER 'auth_user'@'%'")
}

async fn without_a_password_the_account_is_locked(server: &DatabaseServer) {
    init(server, "");
    let before = account(server);
    assert!(before.contains("ACCOUNT LOCK"), "{before}");
    init(server, "SET @auth_password = '';");
    assert_eq!(account(server), before, "an empty password is none");
    assert!(!may_log_in(server, "x").await);
}

async fn a_password_opens_the_account_and_stays_until_there_is_another(server: &DatabaseServer) {
    init(server, "SET @auth_password = 'simple';");
    assert!(may_log_in(server, "simple").await);
    init(server, &set_auth_password(AUTH_PASSWORD));
    assert!(may_log_in(server, AUTH_PASSWORD).await && !may_log_in(server, "simple").await);
    init(server, "");
    assert!(may_log_in(server, AUTH_PASSWORD).await);
    let escaped = AUTH_PASSWORD.replace('\\', r"\\").replace('\'', "''");
    init(server, &format!("SET @auth_password = '{escaped}';"));
    assert!(may_log_in(server, AUTH_PASSWORD).await, "quoted by hand");
}

fn nobody_is_a_user_or_an_administrator_by_default(server: &DatabaseServer) {
    assert_eq!(server.query("SELECT COUNT(*) FROM auth.user"), "0");
    server.sql("INSERT INTO auth.user (email, password) VALUES ('rights@example.com', 'hash')");
    assert_eq!(server.query("SELECT admin FROM auth.user"), "0");
}

async fn the_account_may_look_up_and_replace_hashes_and_no_more(server: &DatabaseServer) {
    let login = stores::open(&server.login_variables(), 1).await;
    let email = "rights@example.com";
    let user = login.find_by_email(email).await.unwrap().unwrap();
    assert!(login.replace_hash(&user, "stronger").await.unwrap());
    assert_eq!(server.query("SELECT password FROM auth.user"), "stronger");

    let new = NewUser { email: "new@example.com".into(), hash: "hash".into(), admin: true };
    let added = login.add(&[new]).await;
    refused("INSERT", &added.map(|()| true));
    refused("DELETE", &login.remove(email).await);
    refused("UPDATE admin", &login.set_admin(email, true).await);
    assert_eq!(login.page(None, 1).await.unwrap()[0].created_at, None, "it is not his to see");
    assert_eq!(server.query("SELECT email, admin FROM auth.user"), "rights@example.com\t0");
    let grants = server.query("SHOW GRANTS FOR 'auth_user'@'%'");
    assert_eq!(grants.lines().count(), 3, "USAGE and two tables: {grants}");
}

fn refused(right: &str, outcome: &Result<bool, StoreError>) {
    let refused = matches!(outcome, Err(StoreError::Database(_)));
    assert!(refused, "auth_user was allowed to {right}: {outcome:?}");
}

/// The table of the Flask service was made by hand: expect small differences.
async fn a_flask_table_keeps_its_rows_and_ids(server: &DatabaseServer, options: &str) {
    server.sql(&format!(
        "DROP DATABASE auth; CREATE DATABASE auth; USE auth;
         SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';
         CREATE TABLE user (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
           email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255) NOT NULL) {options};
         INSERT INTO user VALUES (0, 'zero@example.com', 'plain'),
           (7, 'Jörg@example.com', 'Pässwörd '), (40, 'nine@example.com', REPEAT('é', 255)),
           (9007199254740992, 'even@example.com', 'p'), (9007199254740993, 'odd@example.com', 'p')",
    ));
    let rows = "SELECT id, email, HEX(CONVERT(password USING utf8mb4)) FROM auth.user ORDER BY id";
    let before = server.query(rows);
    let upgrade = fs::read_to_string(workspace().join("docs/upgrade-from-flask.sql")).unwrap();
    for _ in 0..2 {
        let ran = server.run_sql(&format!("USE auth;\n{upgrade}"));
        assert_eq!(ran.as_deref(), Ok(""), "{options}");
        assert_eq!(server.query(rows), before, "{options}");
    }
    init(server, "");
    assert_eq!(server.query(rows), before, "{options}");

    let login = stores::open(&server.login_variables(), 1).await;
    let user = login.find_by_email("JöRG@example.com").await.unwrap().unwrap();
    assert_eq!((user.id.as_str(), user.admin), ("7", false));
    assert_eq!(user.password.expose_secret(), "Pässwörd ");
    ids_are_whole_numbers_and_not_doubles(server).await;
    an_admin_column_of_texts_makes_no_administrators(server).await;
}

async fn an_admin_column_of_texts_makes_no_administrators(server: &DatabaseServer) {
    let upgrade = fs::read_to_string(workspace().join("docs/upgrade-from-flask.sql")).unwrap();
    for (column, value, kept) in [
        ("ENUM('n','y') NOT NULL", "'y'", "0\ty"),
        ("SET('user','admin')", "'admin'", "0\tadmin"),
        ("VARCHAR(5)", "'true'", "0\ttrue"),
        ("INT NOT NULL DEFAULT 0", "1", "1"),
    ] {
        server.sql(&format!(
            "DROP DATABASE auth; CREATE DATABASE auth; USE auth;
             CREATE TABLE user (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
               email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255) NOT NULL, admin {column});
             INSERT INTO user (email, password, admin) VALUES ('ada@example.com', 'x', {value})",
        ));
        for _ in 0..2 {
            let ran = server.run_sql(&format!("USE auth;\n{upgrade}"));
            assert_eq!(ran.as_deref(), Ok(""), "{column}");
        }
        let columns = if kept.contains('\t') { "admin, admin_before_upgrade" } else { "admin" };
        assert_eq!(server.query(&format!("SELECT {columns} FROM auth.user")), kept, "{column}");
        init(server, "");
        let login = stores::open(&server.login_variables(), 1).await;
        let user = login.find_by_email("ada@example.com").await.unwrap().unwrap();
        assert_eq!(user.admin, kept == "1", "{column}");
    }
}

/// 2^53 and its neighbour are one number to a comparison in floating point.
async fn ids_are_whole_numbers_and_not_doubles(server: &DatabaseServer) {
    let admin = stores::open(&server.root_variables(), 1).await;
    assert_eq!(admin.page(None, 1).await.unwrap()[0].user.id, "0", "an id of 0 is on the page");
    let last = admin.page(Some("9007199254740992"), 9).await.unwrap();
    assert_eq!(last.len(), 1, "behind 9007199254740992 comes 9007199254740993");
    assert!(admin.set_hash("odd@example.com", "new").await.unwrap());
    let even = admin.find_by_email("even@example.com").await.unwrap().unwrap();
    assert_eq!(even.password.expose_secret(), "p");
    assert!(admin.remove("odd@example.com").await.unwrap());
    assert!(admin.find_by_email("even@example.com").await.unwrap().is_some());
}

/// Where `ps` would show it.
#[test]
fn no_password_is_given_on_a_command_line() {
    for file in ["init.sql", "docs/upgrade-from-flask.sql", "README.md", "k8s-knative/README.md"] {
        let text = fs::read_to_string(workspace().join(file)).unwrap();
        for option in ["--init-command", "--password=", "--execute"] {
            assert!(!text.contains(option), "{file}: {option}");
        }
    }
}
