//! Many at once, over two processes.

use std::collections::BTreeMap;

use system_tests::{service::Service, wait};

use crate::{ADA, PASSWORD, login, server, status};

/// So many requests at once, in turn to each process; how often there was which status.
fn at_once(logins: &[Service], email: &str, password: &str, count: usize) -> BTreeMap<u16, usize> {
    let statuses = std::thread::scope(|scope| {
        let requests = (0..count).map(|number| {
            let login = &logins[number % logins.len()];
            scope.spawn(move || status(login, email, password))
        });
        let requests: Vec<_> = requests.collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect::<Vec<_>>()
    });
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// Five may fail until the first lock, which lasts one second: whoever came later than that
/// would be the sixth. So the clock of the database stands still.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn of_a_hundred_wrong_passwords_at_once_five_are_checked() {
    let server = server().await;
    let stop_clock = |second: u32| {
        server.sql(&format!("SET GLOBAL init_connect = 'SET timestamp = {second}'"));
    };
    stop_clock(2_000_000_000);
    let variables = [("HASH_QUEUE", "100")];
    let logins = [login(&server, &variables), login(&server, &variables)];
    for email in [ADA, "nobody@example.com"] {
        let counts = at_once(&logins, email, "wrong", 100);
        assert_eq!(counts, [(401, 5), (429, 95)].into(), "{email}");
        assert_eq!(status(&logins[0], email, PASSWORD), 429, "the right password is locked out");
    }
    let failures = server.query("SELECT DISTINCT failures, checks FROM auth.login_throttle");
    assert_eq!(failures, "5\t0");
    stop_clock(2_000_000_001);
    let later = login(&server, &[]);
    assert_eq!(status(&later, ADA, PASSWORD), 200, "and let in behind the lock");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn where_the_rule_allows_a_hundred_failures_a_hundred_at_once_are_counted() {
    let server = server().await;
    let variables = [("LOGIN_MAX_FAILURES", "1000"), ("HASH_QUEUE", "100")];
    let logins = [login(&server, &variables), login(&server, &variables)];
    assert_eq!(at_once(&logins, ADA, "wrong", 100), [(401, 100)].into());
    assert_eq!(server.query("SELECT failures, checks FROM auth.login_throttle"), "100\t0");
}

/// Such as the pods of a deployment that start together: checks under way are no failures.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn forty_right_passwords_at_once_are_all_right() {
    let server = server().await;
    let variables = [("HASH_QUEUE", "40")];
    let logins = [login(&server, &variables), login(&server, &variables)];
    assert_eq!(at_once(&logins, ADA, PASSWORD, 40), [(200, 40)].into());
    wait::until("nothing is under way", std::time::Duration::from_secs(5), || {
        let checks = server.query("SELECT SUM(checks) FROM auth.login_throttle");
        (checks == "0").then_some(())
    });
}
