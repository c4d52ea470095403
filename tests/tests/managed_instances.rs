//! `AWS_LAMBDA_MAX_CONCURRENCY`: how many requests one environment takes at once.

use std::{net::TcpListener, thread, time::Duration};

use system_tests::{Environment, contract::SECRET, lambda_process::LambdaProcess};

/// Whether a second request is answered while the first one waits for a database that
/// never speaks.
fn two_at_once(concurrency: &str) -> bool {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let database = format!("mysql://u:p@{}/auth", silent.local_addr().expect("an address"));
    let variables = [("JWT_SECRET", SECRET), ("DATABASE_URL", &database)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let login = LambdaProcess::start("login", concurrency, Environment::from(variables));

    let first = login.request("POST", "/login").basic("ada@example.com", "x");
    let first = thread::spawn(move || first.send().status);
    // `login` connects at its start, so that its connection says nothing of the request. This
    // is long enough for it to arrive, and short beside the time that it waits for.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(login.request("GET", "/login").send().status, 405);
    let answered_meanwhile = !first.is_finished();
    assert_eq!(first.join().expect("an answer"), 503);
    answered_meanwhile
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn as_many_requests_at_once_as_the_platform_says() {
    assert!(two_at_once("4"));
    assert!(!two_at_once("1"), "classic Lambda sends one after the other");
}
