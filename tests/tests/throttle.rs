//! Password guessing against running `login` processes that share only a database.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    Connection, DatabaseServer, Lambda, Request, Service, basic,
    gateway_events::AwsGateway,
    head, mariadb, mysql9, run,
    users::{self, PASSWORD, log_in},
    wait,
};

const ADA: &str = "right-0@example.com";
const BOB: &str = "right-1@example.com";
/// An unknown e-mail.
const EVE: &str = "eve@example.com";

fn server() -> DatabaseServer {
    with_users(mariadb::start())
}

fn with_users(server: DatabaseServer) -> DatabaseServer {
    users::add(&server, users::quick_argon2());
    server
}

fn login(server: &DatabaseServer, variables: &[(&str, &str)]) -> Service {
    users::login(server.login_variables(), variables)
}

fn status(login: &Service, email: &str, password: &str) -> u16 {
    log_in(login, email, password).status
}

fn fail_logins(login: &Service, email: &str, times: usize) {
    for time in 0..times {
        assert_eq!(status(login, email, "wrong"), 401, "{email}: {time}");
    }
}

/// Simulates that seconds have passed by the database's clock, which the throttle uses.
fn advance(server: &DatabaseServer, seconds: u32) {
    server.sql(&format!(
        "UPDATE auth.login_throttle SET checks_until = checks_until - {seconds} * 1000,
         locked_until = locked_until - {seconds} * 1000, forget_at = forget_at - {seconds} * 1000"
    ));
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_fifth_failure_locks_an_email_known_or_unknown() {
    let server = server();
    let login = login(&server, &[]);
    for email in [ADA, EVE] {
        fail_logins(&login, email, 3);
        fail_logins(&login, &email.to_uppercase(), 2);
        // The first lock is too short for a busy machine; the next failure sets a longer one.
        advance(&server, 1);
        fail_logins(&login, email, 1);
        for password in ["wrong", PASSWORD] {
            let answer = log_in(&login, email, password);
            assert_eq!((answer.status, answer.text()), (429, "too many attempts"));
            assert!(["1", "2"].contains(&answer.header("retry-after").unwrap()), "{answer:?}");
        }
    }
    let keys = server.query("SELECT subject FROM auth.login_throttle");
    let is_hashed = |key: &str| key.starts_with("email-sha256:") && !key.contains('@');
    assert_eq!(keys.lines().filter(|key| is_hashed(key)).count(), 2, "{keys}");
    advance(&server, 2);
    assert_eq!(status(&login, ADA, PASSWORD), 200, "the right password after the lock");
    assert_eq!(status(&login, BOB, PASSWORD), 200, "no other user was locked");
    let (_, log) = login.terminate();
    assert_eq!(log.matches("authn_login_lock").count(), 4, "{log}");
    assert_eq!(log.matches("authn_login_fail_max").count(), 4, "{log}");
}

/// Sends `count` concurrent requests, alternately to each process, and counts the statuses.
fn send_all(logins: &[Service], email: &str, password: &str, count: usize) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    thread::scope(|scope| {
        let request = |number| scope.spawn(move || status(&logins[number % 2], email, password));
        for request in (0..count).map(request).collect::<Vec<_>>() {
            *counts.entry(request.join().unwrap()).or_default() += 1;
        }
    });
    counts
}

/// Waits until the query returns this.
fn wait_until(server: &DatabaseServer, query: &str, answer: &str) {
    wait::until(query, Duration::from_secs(5), || (server.query(query) == answer).then_some(()));
}

fn wait_for_running_checks(server: &DatabaseServer) {
    wait_until(server, "SELECT SUM(checks) FROM auth.login_throttle", "0");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn five_of_a_hundred_concurrent_wrong_passwords_are_checked_and_no_right_one_is_refused() {
    concurrent_guesses_follow_the_rule(&server());
}

#[test]
#[ignore = "needs MySQL 9: make verify"]
fn five_of_a_hundred_concurrent_wrong_passwords_are_checked_on_mysql_9() {
    concurrent_guesses_follow_the_rule(&with_users(mysql9::start()));
}

/// The fifth failure locks for one second, and a guess after that second would be checked too. So
/// the test stops the database's clock, which the throttle uses.
fn concurrent_guesses_follow_the_rule(server: &DatabaseServer) {
    let stop_clock = |second: u32| {
        server.sql(&format!("SET GLOBAL init_connect = 'SET timestamp = {second}'"));
    };
    stop_clock(2_000_000_000);
    let logins = [(), ()].map(|()| login(server, &[("HASH_QUEUE", "100")]));
    for email in [ADA, EVE] {
        assert_eq!(send_all(&logins, email, "wrong", 100), [(401, 5), (429, 95)].into(), "{email}");
        assert_eq!(status(&logins[0], email, PASSWORD), 429, "the right password is locked out");
    }
    let failures = server.query("SELECT DISTINCT failures, checks FROM auth.login_throttle");
    assert_eq!(failures, "5\t0");
    // Such as pods that start together: running checks do not count as failures.
    assert_eq!(send_all(&logins, BOB, PASSWORD, 40), [(200, 40)].into());
    wait_for_running_checks(server);
    stop_clock(2_000_000_001);
    assert_eq!(
        status(&login(server, &[]), ADA, PASSWORD),
        200,
        "the right password after the lock"
    );
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_guess_is_counted_after_its_client_has_disconnected() {
    let server = server();
    let login = login(&server, &[]);
    server.sql(
        "CREATE TRIGGER auth.t BEFORE INSERT ON auth.login_throttle FOR EACH ROW
         SET @slept = SLEEP(1)",
    );
    let mut client = Connection::to(&login);
    let credentials = format!("Authorization: {}\r\n", basic(ADA, "wrong"));
    client.send(head("POST /login", &credentials)).unwrap();
    let sleeping = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'";
    wait_until(&server, sleeping, "1");
    drop(client);
    wait_until(&server, "SELECT failures FROM auth.login_throttle", "1");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_source_that_tries_many_emails_is_locked_whatever_x_forwarded_for_it_sends() {
    let server = server();
    let sources = "SELECT subject FROM auth.login_throttle WHERE subject LIKE 'source%'";
    fail_logins(&login(&server, &[]), "unlimited@example.com", 4);
    assert_eq!(server.query(sources), "", "without a limit no source is counted");

    let forwarded = |login: &Service, hops: &str, email: &str, password: &str| {
        let request = login.request("POST", "/login").basic(email, password);
        request.header("x-forwarded-for", hops).send()
    };
    let limited = login(&server, &[("LOGIN_SOURCE_LIMIT", "3")]);
    for (number, expected) in [200, 200, 429].into_iter().enumerate() {
        let (hops, email) = (format!("192.0.2.{number}"), format!("{number}@example.com"));
        assert_eq!(forwarded(&limited, &hops, &email, "wrong").status, 401);
        assert_eq!(status(&limited, ADA, PASSWORD), expected, "a success does not clear it");
    }
    let answer = forwarded(&limited, "192.0.2.9", ADA, PASSWORD);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "until a minute after the first failure: {wait}");
    assert_eq!(server.query(sources), "source:127.0.0.1");

    let proxied = login(&server, &[("LOGIN_SOURCE_LIMIT", "3"), ("TRUSTED_PROXY_HOPS", "2")]);
    for (number, expected) in [401, 401, 401, 429].into_iter().enumerate() {
        let hops = format!("10.9.8.{number}, 198.51.100.7, 10.0.0.1");
        let email = format!("proxied-{number}@example.com");
        assert_eq!(forwarded(&proxied, &hops, &email, "wrong").status, expected);
    }
    let other = "198.51.100.7, 198.51.100.8, 10.0.0.1";
    assert_eq!(forwarded(&proxied, other, ADA, PASSWORD).status, 200, "another source");
}

#[test]
#[ignore = "needs MariaDB and cargo-lambda: make test"]
fn behind_an_aws_gateway_the_source_is_the_client_of_the_gateway() {
    let server = server();
    let limit = [("LOGIN_SOURCE_LIMIT", "2")];
    let variables = users::login_variables(server.login_variables(), &limit);
    let lambda = Lambda::start("login", "1", variables);
    // Each request claims another source in `X-Forwarded-For`. Events of a load balancer and of VPC
    // Lattice have no source: there no client is locked because of others, even if all claim the same.
    for (number, (gateway, email, password, status)) in [
        (AwsGateway::FunctionUrl, "0@example.com", "wrong", 401),
        (AwsGateway::FunctionUrl, "1@example.com", "wrong", 401),
        (AwsGateway::RestApi, ADA, PASSWORD, 429),
        (AwsGateway::LoadBalancer, "4@example.com", "wrong", 401),
        (AwsGateway::LoadBalancer, "5@example.com", "wrong", 401),
        (AwsGateway::LoadBalancer, ADA, PASSWORD, 200),
        (AwsGateway::Lattice, "6@example.com", "wrong", 401),
        (AwsGateway::Lattice, "7@example.com", "wrong", 401),
        (AwsGateway::Lattice, ADA, PASSWORD, 200),
    ]
    .into_iter()
    .enumerate()
    {
        let request = Request::new("POST", "/login").basic(email, password);
        let request = request.header("x-forwarded-for", format!("198.51.100.{}", number.min(3)));
        assert_eq!(lambda.send(gateway, &request).status, status, "{number}");
    }
    let log = lambda.function.log();
    assert_eq!(log.matches("set TRUSTED_PROXY_HOPS=1").count(), 1, "{log}");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_login_whose_failure_cannot_be_counted_gets_503_and_not_401() {
    let server = server();
    let login = login(&server, &[]);
    two_statements_come_before_the_answer(&server, &login);

    // The maximum of running checks, which no login ends.
    server.sql(&format!(
        "INSERT INTO auth.login_throttle VALUES (CONCAT('email-sha256:', SHA2('{BOB}', 256)),
         0, 5, TRUE, (UNIX_TIMESTAMP() + 18) * 1000, 0, 0)"
    ));
    let since = Instant::now();
    assert_eq!(status(&login, BOB, PASSWORD), 503);
    let seconds = since.elapsed().as_secs_f64();
    assert!((9.5..12.0).contains(&seconds), "{seconds} s");
    assert_eq!(status(&login, EVE, PASSWORD), 401, "other e-mails do not wait");
    server.sql("DELETE FROM auth.login_throttle");

    server.sql(
        "CREATE TRIGGER auth.t BEFORE UPDATE ON auth.login_throttle FOR EACH ROW
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not now'",
    );
    for email in [ADA, EVE] {
        assert_eq!(status(&login, email, "wrong"), 503, "{email}");
    }
    server.sql("DROP TABLE auth.login_throttle");
    let answer = log_in(&login, ADA, PASSWORD);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    server.init();
    assert_eq!(status(&login, ADA, PASSWORD), 200, "without a restart");
    let (_, log) = login.terminate();
    assert!(log.contains("login_throttle") && log.contains("run init.sql again"), "{log}");
}

/// For a successful login without earlier failures. The third statement, the release, comes after
/// the answer. One reservation in 64 also deletes expired rows.
fn two_statements_come_before_the_answer(server: &DatabaseServer, login: &Service) {
    assert_eq!(status(login, ADA, PASSWORD), 200, "to open a connection");
    wait_for_running_checks(server);
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    assert_eq!(status(login, ADA, PASSWORD), 200);
    wait_for_running_checks(server);
    server.sql("SET GLOBAL general_log = OFF");
    let statements = server.query(
        "SELECT LEFT(CONVERT(argument USING utf8mb4), 6) FROM mysql.general_log
         WHERE user_host LIKE 'auth_user%' AND command_type = 'Execute'
         AND argument NOT LIKE 'DELETE %' ORDER BY 1",
    );
    assert_eq!(statements, "INSERT\nSELECT\nUPDATE");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn an_administrator_lists_and_resets_locks() {
    let server = server();
    let login = login(&server, &[("LOGIN_SOURCE_LIMIT", "10")]);
    fail_logins(&login, &ADA.to_uppercase(), 5);
    fail_logins(&login, EVE, 5);
    let admin = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        run("auth-admin", &words, &server.root_variables(), "").stdout
    };
    let listed = admin("throttle list");
    assert!(listed.contains(ADA) && !listed.contains(EVE), "{listed}");
    assert!(listed.contains("email-sha256:") && listed.contains("source:127.0.0.1"), "{listed}");
    for line in ["throttle reset Right-0@Example.com", "throttle reset --source 127.0.0.1"] {
        assert_eq!(admin(line), "forgotten: 1\n");
        assert_eq!(admin(line), "forgotten: 0; no failed login was counted for it\n");
    }
    assert_eq!(status(&login, ADA, PASSWORD), 200);
    assert!(admin("throttle reset --all").starts_with("forgotten: "));
    assert_eq!(admin("throttle list --json"), "[]\n");
}
