//! What no client puts up with for ever, and what none of them follows or shows.

use std::{fs, net::TcpListener, process::Command, time::Duration};

use system_tests::{Environment, process::Process, wait};

use crate::{
    PASSWORD,
    canned::{
        Answer::{self, Is, Never},
        Canned,
    },
    for_each_client,
};

const LIMIT: Duration = Duration::from_secs(20);
const TOKEN: Answer =
    Is(200, "", r#"{"access_token":"eyJ.canned.token","token_type":"Bearer","expires_in":60}"#);
const CLAIMS: Answer = Is(200, "", r#"{"username":"ada@example.com"}"#);
const EXPIRED: &str = r#"www-authenticate: Bearer realm="auth", error="invalid_token""#;

/// A service for ever in this state, and what becomes of a client that waits for so many seconds.
struct Row {
    name: &'static str,
    login: Answer,
    validate: Answer,
    max_wait: &'static str,
    /// What its one line contains.
    message: &'static str,
    logins: usize,
    validations: usize,
}

#[rustfmt::skip]
const ROWS: [Row; 12] = [
    Row { name: "503 for ever", login: Is(503, "retry-after: 0", ""), validate: CLAIMS, max_wait: "30", message: "login: 503", logins: 5, validations: 0 },
    Row { name: "429 for ever", login: Is(429, "Retry-After: 0", ""), validate: CLAIMS, max_wait: "30", message: "login: 429", logins: 5, validations: 0 },
    Row { name: "503 of validate for ever", login: TOKEN, validate: Is(503, "retry-after: 0", ""), max_wait: "30", message: "validate: 503", logins: 1, validations: 5 },
    Row { name: "longer than the client waits in all", login: Is(503, "retry-after: 1", ""), validate: CLAIMS, max_wait: "2", message: "login: 503", logins: 2, validations: 0 },
    Row { name: "a quarter of an hour", login: Is(429, "retry-after: 900", ""), validate: CLAIMS, max_wait: "30", message: "900 s", logins: 1, validations: 0 },
    Row { name: "no number that a machine has", login: Is(429, "retry-after: 99999999999999999999", ""), validate: CLAIMS, max_wait: "30", message: "login: 429", logins: 1, validations: 0 },
    Row { name: "a number that looks octal", login: Is(429, "retry-after: 09", ""), validate: CLAIMS, max_wait: "8", message: "login: 429", logins: 1, validations: 0 },
    Row { name: "a date", login: Is(503, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT", ""), validate: CLAIMS, max_wait: "0", message: "1 s", logins: 1, validations: 0 },
    Row { name: "new tokens are refused too", login: TOKEN, validate: Is(403, EXPIRED, ""), max_wait: "30", message: "validate: 403", logins: 2, validations: 2 },
    Row { name: "a 403 for another reason", login: TOKEN, validate: Is(403, "x-from: gateway", ""), max_wait: "30", message: "validate: 403", logins: 1, validations: 1 },
    Row { name: "a page instead of a token", login: Is(200, "", "<html>\r\n</html>"), validate: CLAIMS, max_wait: "30", message: "login: the answer", logins: 1, validations: 0 },
    Row { name: "a page instead of claims", login: TOKEN, validate: Is(200, "", "<html>\n</html>"), max_wait: "30", message: "validate: the answer", logins: 1, validations: 1 },
];

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn every_client_gives_up_within_its_bounds_and_says_why() {
    for_each_client(|client| {
        for row in &ROWS {
            let what = format!("{}, {}", client.name, row.name);
            let canned = Canned::start(row.login, row.validate);
            let mut variables = canned.variables();
            variables.insert("AUTH_MAX_WAIT".into(), row.max_wait.into());
            let run = client.run(&variables, &[]);
            assert!(run.assert_failed().contains(row.message), "{what}: {}", run.assert_failed());
            let paths = canned.paths();
            let logins = paths.iter().filter(|path| *path == "/login").count();
            assert_eq!((logins, paths.len() - logins), (row.logins, row.validations), "{what}");
            let waited = if row.max_wait == "2" { Duration::from_secs(1) } else { Duration::ZERO };
            assert!(run.time >= waited, "{what}: {:?}", run.time);
        }
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn no_client_follows_a_redirect_with_its_credentials() {
    for_each_client(|client| {
        let canned = Canned::start(Is(307, "location: /elsewhere", ""), CLAIMS);
        let run = client.run(&canned.variables(), &[]);
        assert!(run.assert_failed().contains("login: "), "{}", client.name);
        assert_eq!(canned.paths(), ["/login"], "{}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn a_service_that_hangs_or_is_not_there_is_given_up() {
    for_each_client(|client| {
        for (login, validate) in [(Never, CLAIMS), (TOKEN, Never)] {
            let canned = Canned::start(login, validate);
            let mut variables = canned.variables();
            variables.insert("AUTH_TIMEOUT".into(), "1".into());
            let run = client.run(&variables, &[]);
            let line = run.assert_failed();
            assert!(line.contains("within") || line.contains("timed out"), "{line}");
            let in_time = Duration::from_secs(1)..Duration::from_secs(10);
            assert!(in_time.contains(&run.time), "{}: {:?}", client.name, run.time);
            let calls = if matches!(login, Never) { 1 } else { 2 };
            assert_eq!(canned.paths().len(), calls, "{}: nothing is sent twice", client.name);
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut variables = Canned::start(Never, Never).variables();
        variables.insert("AUTH_URL".into(), format!("http://{closed}"));
        let run = client.run(&variables, &[]);
        assert!(run.assert_failed().starts_with("auth: login: "), "{}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn neither_password_nor_token_is_in_the_list_of_processes() {
    for_each_client(|client| {
        let canned = Canned::start(Never, Never);
        let variables = canned.variables();
        assert_not_listed(client.command(&variables, &[]), client.name, PASSWORD, &canned);
        let canned = Canned::start(Never, Never);
        let mut variables: Environment = canned.variables();
        let token = format!("eyJ-{}", client.name);
        variables.insert("AUTH_TOKEN".into(), token.clone());
        assert_not_listed(client.command(&variables, &[]), client.name, &token, &canned);
    });
}

/// While a request is under way, no process of this machine has the secret as an argument.
fn assert_not_listed(command: Command, name: &str, secret: &str, canned: &Canned) {
    let process = Process::start(name, command);
    wait::until("a request", LIMIT, || (!canned.paths().is_empty()).then_some(()));
    let mut seen = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        seen += usize::from(!line.is_empty());
        assert!(!String::from_utf8_lossy(&line).contains(secret), "{name}");
    }
    assert!(seen > 1, "the list of processes can be read");
    drop(process);
}
