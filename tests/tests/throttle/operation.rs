//! What an operator and an administrator have to do with it.

use std::time::Duration;

use system_tests::{
    database::DatabaseServer,
    service::{Service, run},
    wait,
};

use crate::{ADA, PASSWORD, attempt, login, server, status};

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_success_without_failures_waits_for_one_look_up_and_one_note() {
    let server = server().await;
    let login = login(&server, &[]);
    assert_eq!(status(&login, ADA, PASSWORD), 200, "to connect");
    let statements = statements_of(&server, || {
        assert_eq!(status(&login, ADA, PASSWORD), 200);
        nothing_under_way(&server);
    });
    // The third is made behind the answer: taking the note back.
    for (word, count) in [("SELECT", 1), ("INSERT", 1), ("UPDATE", 1)] {
        let found = statements.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!(found, count, "{word}: {statements:?}");
    }
}

/// While the table is locked nothing can be taken back, and the answer comes all the same.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_answer_does_not_wait_until_the_note_is_taken_back() {
    let server = server().await;
    let login = login(&server, &[]);
    server.sql(
        "CREATE TRIGGER auth.slow BEFORE UPDATE ON auth.login_throttle
         FOR EACH ROW SET @slept = SLEEP(2)",
    );
    let before = std::time::Instant::now();
    assert_eq!(status(&login, ADA, PASSWORD), 200);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_failure_that_cannot_be_counted_is_not_told() {
    let server = server().await;
    let login = login(&server, &[]);
    server.sql(
        "CREATE TRIGGER auth.refuse BEFORE UPDATE ON auth.login_throttle FOR EACH ROW
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not now'",
    );
    assert_eq!(status(&login, ADA, "wrong"), 503);
    assert_eq!(status(&login, "nobody@example.com", "wrong"), 503);
}

/// As many checks under way as may be, which nobody ends.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_login_that_others_keep_waiting_is_503_after_ten_seconds() {
    let server = server().await;
    let login = login(&server, &[]);
    server.sql(&format!(
        "INSERT INTO auth.login_throttle VALUES (CONCAT('email-sha256:', SHA2('{ADA}', 256)),
         0, 5, TRUE, (UNIX_TIMESTAMP() + 18) * 1000, 0, 0)"
    ));
    let since = std::time::Instant::now();
    assert_eq!(status(&login, ADA, PASSWORD), 503);
    let seconds = since.elapsed().as_secs_f64();
    assert!((9.5..12.0).contains(&seconds), "{seconds} s");
    assert_eq!(status(&login, "nobody@example.com", PASSWORD), 401, "others are not kept waiting");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn without_its_table_nobody_is_let_in_and_the_log_says_what_to_do() {
    let server = server().await;
    server.sql("DROP TABLE auth.login_throttle");
    let login = login(&server, &[]);
    let answer = attempt(&login, ADA, PASSWORD);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    server.init();
    assert_eq!(status(&login, ADA, PASSWORD), 200, "without a restart");
    let (_, log) = login.terminate();
    assert!(log.contains("login_throttle") && log.contains("run init.sql again"), "{log}");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn an_administrator_sees_who_is_locked_and_lets_them_in() {
    let server = server().await;
    let login = login(&server, &[("LOGIN_SOURCE_LIMIT", "10")]);
    lock(&login, "ADA@example.com");
    lock(&login, "nobody@example.com");
    let admin = |arguments: &[&str]| run("auth-admin", arguments, &server.root_variables(), "");
    let listed = admin(&["throttle", "list"]).stdout;
    assert!(listed.contains(ADA) && !listed.contains("nobody"), "{listed}");
    assert!(listed.contains("email-sha256:") && listed.contains("source:127.0.0.1"), "{listed}");

    for arguments in [
        &["throttle", "reset", "Ada@Example.com"][..],
        &["throttle", "reset", "--source", "127.0.0.1"],
    ] {
        assert_eq!(admin(arguments).stdout, "forgotten: 1\n");
    }
    assert_eq!(status(&login, ADA, PASSWORD), 200);
    assert_eq!(admin(&["throttle", "reset", "--all"]).status.code(), Some(0));
    assert_eq!(admin(&["throttle", "list", "--json"]).stdout, "[]\n");
    for arguments in [&["throttle", "reset"][..], &["throttle", "reset", ADA, "--all"]] {
        assert_eq!(admin(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

fn lock(login: &Service, email: &str) {
    for _ in 0..5 {
        assert_eq!(status(login, email, "wrong"), 401);
    }
}

fn nothing_under_way(server: &DatabaseServer) {
    wait::until("nothing is under way", Duration::from_secs(5), || {
        let checks = server.query("SELECT SUM(checks) FROM auth.login_throttle");
        (checks == "0").then_some(())
    });
}

/// The statements of `login` meanwhile, from the general log.
fn statements_of(server: &DatabaseServer, work: impl FnOnce()) -> Vec<String> {
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    work();
    server.sql("SET GLOBAL general_log = OFF");
    let log = "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log
               WHERE user_host LIKE 'auth_user%' AND command_type = 'Execute'";
    server.query(log).lines().map(str::to_owned).collect()
}
