//! Running functions under attack: a row of the table for each source, what only bytes on a socket
//! can show, and what a client can write into the log.

use std::{collections::HashSet, path::Path};

use serde_json::Value;
use shared::users::{NewUser, SqliteUsers};
use system_tests::{
    Environment,
    contract::{SECRET, hash},
    forge,
    http::{Answer, Request, basic},
    raw::{self, Connection},
    scratch,
    service::Service,
};

use crate::{
    attacks,
    table::rows,
    tokens::{HS256, USERNAME, keys, with_header},
};

/// The password of the user of `login`.
const PASSWORD: &str = "a passphrase for attacks";

/// A process that logs all it can.
pub(crate) struct Target(Service);

impl Target {
    pub(crate) fn start(function: &str, mut variables: Environment) -> Self {
        variables.insert("RUST_LOG".into(), "trace".into());
        Self(Service::start(function, variables))
    }

    fn validate(format: &str) -> Self {
        let variables = [("JWT_SECRET", keys()), ("LOG_FORMAT", format.to_owned())];
        Self::start("validate", variables.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// `login` with one user, whose database is in `folder`.
    async fn login(folder: &Path) -> Self {
        let path = folder.join("users.sqlite");
        let user = NewUser { email: USERNAME.into(), hash: hash(PASSWORD).await, admin: false };
        SqliteUsers::open(&path).await.unwrap().add(&[user]).await.unwrap();
        let url = format!("sqlite:{}", path.display());
        let variables = [("JWT_SECRET", SECRET), ("DATABASE_URL", &url)];
        Self::start("login", variables.map(|(name, value)| (name.into(), value.into())).into())
    }

    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.clone().to(&self.0.url("")).send()
    }

    /// Sends `bytes` and reads until the server closes: the status of each answer, and all of it.
    fn exchange(&self, bytes: &str) -> (Vec<u16>, String) {
        let mut connection = Connection::to(&self.0);
        // It may have answered and closed before it has read everything.
        let _ = connection.send(bytes);
        let answers = connection.rest();
        let heads = answers.match_indices("HTTP/1.").map(|(start, _)| &answers[start..]);
        (heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect(), answers)
    }

    /// Ends it. It has lived until now, logged no error, no credential, and none of `secrets`.
    pub(crate) fn end(self, secrets: &[&str]) {
        let (status, log) = self.0.terminate();
        assert!(status.success(), "{status}");
        assert!(log.contains(r#""message":"request""#), "there is a log: {log}");
        let lines = log.lines().map(serde_json::from_str::<Value>);
        assert_eq!(lines.filter(Result::is_err).count(), 0, "each line is JSON: {log}");
        // What every token, e-mail and Base64 of an e-mail begins with.
        let marks = [r#""level":"ERROR""#, "panicked", "eyJ", "canary", "Y2FuYXJ5"];
        for mark in marks.iter().chain(secrets) {
            assert!(!log.contains(mark), "{mark} is in the log: {log}");
        }
    }
}

#[test]
fn a_running_validate_stands_an_attack_of_each_kind_and_logs_no_credential() {
    let target = Target::validate("json");
    let mut seen = HashSet::new();
    for attack in attacks(([127, 0, 0, 1], 1).into()).attacks {
        // A longer head is none, whatever is in it: `tests/tests/limits/requests.rs`.
        let fits = attack.request.headers.iter().all(|(_, value)| value.len() < 12_000);
        if fits && seen.insert((attack.source, attack.expected)) {
            attack.compare(&target.send(&attack.request), None);
        }
    }
    let token = with_header(HS256);
    one_request_gets_one_answer(&target, "POST /", &format!("Bearer {token}"));
    let signature = token.rsplit('.').next().unwrap();
    target.end(&[SECRET, &forge::encode(SECRET), signature]);
}

#[tokio::test]
async fn a_running_login_stands_them_too() {
    let folder = scratch::directory();
    let target = Target::login(folder.path()).await;
    one_request_gets_one_answer(&target, "POST /login", &basic(USERNAME, PASSWORD));
    target.end(&[SECRET, PASSWORD]);
}

/// What two servers might read differently is answered once, by 401 without credentials and by 200
/// with them; what has no clear end gets 400, and the connection ends.
fn one_request_gets_one_answer(target: &Target, route: &str, authorization: &str) {
    let next = raw::head("GET /healthz", "Connection: close\r\n");
    let credentials = format!("Authorization: {authorization}\r\n");
    for row in rows("framing") {
        for (line, deserved) in [("", 401), (credentials.as_str(), 200)] {
            let start = format!("{route} HTTP/1.1\r\nHost: x\r\n");
            let request = row.text.replace('$', "Transfer-Encoding: chunked\r\n");
            let request = request.replace('^', &start).replace('@', route).replace('~', line);
            let (statuses, answers) = target.exchange(&format!("{request}{next}"));
            let good = match row.expected {
                "bad" => vec![400],
                "closed" => vec![deserved],
                "goes" => vec![deserved, 200],
                "missing" => vec![401, 200],
                "not found" => vec![404, 200],
                "silence" => vec![],
                other => panic!("no answer {other}"),
            };
            assert_eq!(statuses, good, "{}, {request:?}: {answers}", row.source);
        }
    }
}

/// Headers and paths that try to write a line, or a member of one, into the log. Some of them no
/// client of ours sends as they are.
#[test]
fn a_client_writes_no_line_of_the_log() {
    const FORGED: &str = r#"","level":"ERROR","message":"forged"#;
    for format in ["json", "text"] {
        let target = Target::validate(format);
        let requests = [
            ("/", format!("X-Request-Id: {FORGED}\r\n"), 401),
            ("/", "X-Request-Id: \u{9b}2J\r\n".to_owned(), 401),
            ("/", format!("Traceparent: {FORGED}\r\n"), 401),
            ("/", format!("User-Agent: {FORGED}\r\n"), 401),
            ("/%0a%0dforged", String::new(), 404),
            ("/%1b%5b2J", String::new(), 404),
            ("/validate/%22,%22level%22:%22ERROR%22", String::new(), 401),
            ("/\u{9b}2J", String::new(), 404),
            ("/\u{85}forged", String::new(), 404),
            ("/\u{2028}forged", String::new(), 404),
            ("/\u{202e}degrof", String::new(), 404),
        ];
        for (path, header, status) in &requests {
            let headers = format!("{header}Connection: close\r\n");
            let (statuses, answer) = target.exchange(&raw::head(&format!("GET {path}"), &headers));
            assert_eq!(statuses, [*status], "{path:?} {header:?}: {answer}");
        }
        let log = target.0.log();
        for mark in ["\u{1b}", "\u{9b}", "\u{85}", "\u{2028}", "\u{202e}", "\nforged"] {
            assert!(!log.contains(mark), "{mark:?} is in the log (ASVS 16.4.1): {log:?}");
        }
        let lines = log.lines().filter(|line| line.contains("duration_ms")).count();
        assert_eq!(lines, requests.len(), "one line a request: {log}");
        if format == "json" {
            let mut lines = log.lines().map(serde_json::from_str::<Value>);
            assert!(lines.all(|line| line.unwrap()["level"] != "ERROR"), "{log}");
        }
    }
}
