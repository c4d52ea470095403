//! Attacks on running functions: HTTP framing on a socket, and log injection.

use serde_json::Value;
use system_tests::{Connection, SECRET, Service, environment, forge, raw};

use crate::{
    rows,
    tokens::{HS256, keys, with_header},
};

/// Starts `validate` with the most verbose log.
fn start(format: &str) -> Service {
    let variables = [("JWT_SECRET", &*keys()), ("LOG_FORMAT", format), ("RUST_LOG", "trace")];
    Service::start("validate", environment(&variables))
}

/// Sends `bytes` and reads until the server closes: the status of each answer, and all text.
fn exchange(service: &Service, bytes: &str) -> (Vec<u16>, String) {
    let mut connection = Connection::to(service);
    // An error means that the server has answered and closed early.
    let _ = connection.send(bytes);
    let answers = connection.read_to_end();
    let heads = answers.match_indices("HTTP/1.").map(|(start, _)| &answers[start..]);
    (heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect(), answers)
}

/// A request that two servers might parse differently gets one answer: 401 without credentials,
/// 200 with them. A request without a clear end gets 400, and the connection is closed.
#[test]
fn one_request_gets_one_answer_and_no_credential_is_logged() {
    let (target, token) = (start("json"), with_header(HS256));
    let (route, next) = ("POST /", raw::head("GET /healthz", "Connection: close\r\n"));
    let credentials = format!("Authorization: Bearer {token}\r\n");
    for (source, expected, row) in rows("framing") {
        for (line, deserved) in [("", 401), (credentials.as_str(), 200)] {
            let start = format!("{route} HTTP/1.1\r\nHost: x\r\n");
            let request = row.replace('$', "Transfer-Encoding: chunked\r\n");
            let request = request.replace('^', &start).replace('@', route).replace('~', line);
            let (statuses, answers) = exchange(&target, &format!("{request}{next}"));
            let good = match expected {
                "bad request" => vec![400],
                "closed" => vec![deserved],
                "both answered" => vec![deserved, 200],
                "missing" => vec![401, 200],
                "not found" => vec![404, 200],
                "no answer" => vec![],
                other => panic!("unknown answer: {other}"),
            };
            assert_eq!(statuses, good, "{source}, {request:?}: {answers}");
        }
    }
    let (status, log) = target.terminate();
    assert!(status.success(), "{status}");
    let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
    assert!(log.contains(r#""message":"request""#) && log.lines().all(is_json), "{log}");
    for mark in [r#""level":"ERROR""#, "panicked", "eyJ", SECRET, &forge::encode(SECRET)] {
        assert!(!log.contains(mark), "{mark} is in the log: {log}");
    }
}

/// Headers and paths that try to add a line, or a member of a line, to the log. They are sent as
/// bytes, since HTTP clients refuse some of them.
#[test]
fn a_client_cannot_add_a_line_to_the_log() {
    for format in ["json", "text"] {
        let target = start(format);
        for (_, status, row) in rows("log") {
            let (path, header) = row.split_once('\n').unwrap();
            let request =
                raw::head(&format!("GET {path}"), &format!("{header}Connection: close\r\n"));
            let (statuses, answer) = exchange(&target, &request);
            assert_eq!(statuses, [status.parse::<u16>().unwrap()], "{row:?}: {answer}");
        }
        let log = target.log();
        for mark in ["\u{1b}", "\u{9b}", "\u{85}", "\u{2028}", "\u{202e}", "\nforged"] {
            assert!(!log.contains(mark), "{mark:?} is in the log: {log:?}");
        }
        let lines = log.lines().filter(|line| line.contains("duration_ms")).count();
        assert_eq!(lines, rows("log").count(), "one line per request: {log}");
        if format == "json" {
            let mut lines = log.lines().map(serde_json::from_str::<Value>);
            assert!(lines.all(|line| line.unwrap()["level"] != "ERROR"), "{log}");
        }
    }
}
