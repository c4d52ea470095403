//! Whatever mode the server is in, nothing is cut, and nothing is lost.

use system_tests::database::DatabaseServer;

use crate::{BCRYPT, EMAIL, PASSWORD, admin, login, set_up, status};

pub(crate) fn suite(server: &DatabaseServer) {
    a_hash_that_does_not_fit_is_not_stored(server);
    the_tool_says_that_a_column_is_too_short(server);
    what_a_trigger_makes_of_a_hash_is_taken_back(server);
    a_change_stays_where_the_server_commits_nothing_by_itself(server);
}

fn table(password: &str) -> String {
    format!(
        "CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(190) UNIQUE,
           password {password}, admin BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO user (email, password) VALUES ('{EMAIL}', '{BCRYPT}')"
    )
}

fn stored(server: &DatabaseServer) -> String {
    server.query(&format!("SELECT password FROM auth.user WHERE email = '{EMAIL}'"))
}

fn a_hash_that_does_not_fit_is_not_stored(server: &DatabaseServer) {
    for r#type in ["VARCHAR(60)", "CHAR(60)", "VARCHAR(95)", "TINYTEXT", "VARBINARY(60)"] {
        set_up(server, &table(r#type));
        let login = login(server, &[]);
        for time in ["first", "second"] {
            assert_eq!(status(&login, EMAIL, PASSWORD), 200, "{type}: {time} login");
        }
        let (_, log) = login.terminate();
        if r#type == "TINYTEXT" {
            assert!(stored(server).starts_with("$argon2id$"), "255 bytes are enough");
            continue;
        }
        assert_eq!(stored(server), BCRYPT, "{type}");
        assert!(log.contains("the new password hash was not stored"), "{type}: {log}");
        assert!(log.contains("too short: it has to hold 96 characters"), "{type}: {log}");
        assert!(!log.contains("authn_password_rehashed"), "{type}: {log}");
    }
}

fn the_tool_says_that_a_column_is_too_short(server: &DatabaseServer) {
    set_up(server, &table("VARCHAR(60)"));
    says_so(server);
    set_up(
        server,
        &format!(
            "{}; RENAME TABLE user TO members; ALTER TABLE members CHANGE password pw VARCHAR(60);
             CREATE VIEW user AS SELECT id, email, pw AS password, admin FROM members",
            table("VARCHAR(60)")
        ),
    );
    says_so(server);
}

/// Through a view too, whose columns have other names to the server.
fn says_so(server: &DatabaseServer) {
    let password = "a long enough passphrase\n";
    for arguments in [
        &["user", "add", "bob@example.com", "--password-stdin"][..],
        &["user", "password", EMAIL, "--password-stdin"],
        &["user", "disable", EMAIL],
    ] {
        let run = admin(server, arguments, password);
        assert_eq!((run.status.code(), run.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        let found = run.stderr.starts_with("error: the column `password` of the table `user` is");
        assert!(found && run.stderr.contains(" 255 "), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(server.query("SELECT email, password FROM auth.user"), format!("{EMAIL}\t{BCRYPT}"));
}

fn what_a_trigger_makes_of_a_hash_is_taken_back(server: &DatabaseServer) {
    for engine in ["InnoDB", "MyISAM"] {
        cut_by_a_trigger(server, engine);
    }
}

fn cut_by_a_trigger(server: &DatabaseServer, engine: &str) {
    set_up(server, &format!("{}; ALTER TABLE user ENGINE = {engine}", table("VARCHAR(255)")));
    server.sql(
        "CREATE TRIGGER auth.cut BEFORE UPDATE ON auth.user FOR EACH ROW SET NEW.password =
         IF(NEW.password LIKE '$argon2%', LEFT(NEW.password, 20), NEW.password)",
    );
    let login = login(server, &[]);
    for _ in 0..2 {
        assert_eq!(status(&login, EMAIL, PASSWORD), 200);
    }
    assert_eq!(stored(server), BCRYPT);
    let arguments = ["user", "password", EMAIL, "--password-stdin"];
    let run = admin(server, &arguments, "a long enough passphrase\n");
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("does not keep what is written"), "{}", run.stderr);
    assert_eq!(stored(server), BCRYPT);
}

fn a_change_stays_where_the_server_commits_nothing_by_itself(server: &DatabaseServer) {
    set_up(server, &table("VARCHAR(255)"));
    server.sql("SET GLOBAL autocommit = 0");
    let login = login(server, &[]);
    assert_eq!(status(&login, EMAIL, "wrong"), 401);
    assert_eq!(status(&login, EMAIL, PASSWORD), 200);
    let run = admin(server, &["user", "grant", EMAIL], "");
    server.sql("SET GLOBAL autocommit = 1");
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert!(stored(server).starts_with("$argon2id$"));
    assert_eq!(server.query("SELECT admin FROM auth.user"), "1");
}
