//! What no client puts up with for ever, and what none of them follows or shows.

use std::{fs, net::TcpListener, ops::Range, time::Duration};

use system_tests::{process::Process, wait};

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
const EXPIRED: Answer =
    Is(403, r#"www-authenticate: Bearer realm="auth", error="invalid_token""#, "");
const LATE: &str = "within|timed out";
const ANY: Range<u64> = 0..40;

/// A service for ever in this state: its name, the answers of `login` and `validate`, `AUTH_MAX_WAIT`,
/// what the client's one line contains (one of several), how many logins and validations it tries,
/// and the seconds within which it ends.
type Row = (&'static str, Answer, Answer, &'static str, &'static str, (usize, usize), Range<u64>);

#[rustfmt::skip]
const ROWS: [Row; 15] = [
    ("503 for ever", Is(503, "retry-after: 0", ""), CLAIMS, "30", "login: 503", (5, 0), ANY),
    ("429 for ever", Is(429, "Retry-After: 0", ""), CLAIMS, "30", "login: 429", (5, 0), ANY),
    ("503 of validate for ever", TOKEN, Is(503, "retry-after: 0", ""), "30", "validate: 503", (1, 5), ANY),
    ("longer than the client waits in all", Is(503, "retry-after: 1", ""), CLAIMS, "2", "login: 503", (2, 0), 1..10),
    ("a quarter of an hour", Is(429, "retry-after: 900", ""), CLAIMS, "30", "900 s", (1, 0), ANY),
    ("no number that a machine has", Is(429, "retry-after: 99999999999999999999", ""), CLAIMS, "30", "login: 429", (1, 0), ANY),
    ("a number that looks octal", Is(429, "retry-after: 09", ""), CLAIMS, "8", "login: 429", (1, 0), ANY),
    ("a date", Is(503, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT", ""), CLAIMS, "0", "1 s", (1, 0), ANY),
    ("new tokens are refused too", TOKEN, EXPIRED, "30", "validate: 403", (2, 2), ANY),
    ("a 403 for another reason", TOKEN, Is(403, "x-from: gateway", ""), "30", "validate: 403", (1, 1), ANY),
    ("a page instead of a token", Is(200, "", "<html>\r\n</html>"), CLAIMS, "30", "login: the answer", (1, 0), ANY),
    ("a page instead of claims", TOKEN, Is(200, "", "<html>\n</html>"), "30", "validate: the answer", (1, 1), ANY),
    ("a redirect, not followed with credentials", Is(307, "location: /elsewhere", ""), CLAIMS, "30", "login: ", (1, 0), ANY),
    ("a login that hangs", Never, CLAIMS, "30", LATE, (1, 0), 1..10),
    ("a validation that hangs", TOKEN, Never, "30", LATE, (1, 1), 1..10),
];

#[test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
fn every_client_gives_up_within_its_bounds_and_says_why() {
    for_each_client(|client| {
        for (name, login, validate, max_wait, said, tries, seconds) in ROWS {
            let what = format!("{}, {name}", client.name);
            let canned = Canned::start(login, validate);
            let mut variables = canned.variables();
            variables.insert("AUTH_MAX_WAIT".into(), max_wait.into());
            if said == LATE {
                variables.insert("AUTH_TIMEOUT".into(), "1".into());
            }
            let run = client.run(&variables, &[], "");
            let line = run.assert_failed();
            assert!(said.split('|').any(|part| line.contains(part)), "{what}: {line}");
            let paths = canned.paths();
            let logins = paths.iter().filter(|path| *path == "/login").count();
            assert_eq!((logins, paths.len() - logins), tries, "{what}");
            assert!(seconds.contains(&run.time.as_secs()), "{what}: {:?}", run.time);
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut variables = Canned::start(Never, Never).variables();
        variables.insert("AUTH_URL".into(), format!("http://{closed}"));
        let run = client.run(&variables, &[], "");
        assert!(run.assert_failed().starts_with("auth: login: "), "{}", client.name);
    });
}

/// While a request is under way, no process of this machine has the secret as an argument.
#[test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
fn neither_password_nor_token_is_in_the_list_of_processes() {
    for_each_client(|client| {
        let token = format!("eyJ-{}", client.name);
        for (variable, secret) in [("AUTH_PASSWORD", PASSWORD), ("AUTH_TOKEN", &token)] {
            let canned = Canned::start(Never, Never);
            let mut variables = canned.variables();
            variables.insert(variable.into(), secret.into());
            let _process = Process::start(client.name, client.command(&variables, &[]));
            wait::until("a request", LIMIT, || (!canned.paths().is_empty()).then_some(()));
            let processes = fs::read_dir("/proc").unwrap().flatten();
            let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
            let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
            assert!(lines.len() > 1, "the list of processes can be read");
            for line in lines {
                let line = String::from_utf8_lossy(&line);
                assert!(!line.contains(secret), "{}: {line}", client.name);
            }
        }
    });
}
