//! Running functions under attack: what only bytes on a socket can show, and what a client can write
//! into the log.

use serde_json::Value;
use system_tests::{Connection, SECRET, Service, environment, forge, raw};

use crate::{
    rows,
    tokens::{HS256, keys, with_header},
};

/// A process that logs all it can.
fn start(format: &str) -> Service {
    let variables = [("JWT_SECRET", &*keys()), ("LOG_FORMAT", format), ("RUST_LOG", "trace")];
    Service::start("validate", environment(&variables))
}

/// Sends `bytes` and reads until the server closes: the status of each answer, and all of it.
fn exchange(service: &Service, bytes: &str) -> (Vec<u16>, String) {
    let mut connection = Connection::to(service);
    // It may have answered and closed before it has read everything.
    let _ = connection.send(bytes);
    let answers = connection.read_to_end();
    let heads = answers.match_indices("HTTP/1.").map(|(start, _)| &answers[start..]);
    (heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect(), answers)
}

/// What two servers might read differently is answered once, by 401 without credentials and by 200
/// with them; what has no clear end gets 400, and the connection ends.
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
                "bad" => vec![400],
                "closed" => vec![deserved],
                "goes" => vec![deserved, 200],
                "missing" => vec![401, 200],
                "not found" => vec![404, 200],
                "silence" => vec![],
                other => panic!("no answer {other}"),
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

/// Headers and paths that try to write a line, or a member of one, into the log. Some of them no
/// client of ours sends as they are.
#[test]
fn a_client_writes_no_line_of_the_log() {
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
        assert_eq!(lines, rows("log").count(), "one line a request: {log}");
        if format == "json" {
            let mut lines = log.lines().map(serde_json::from_str::<Value>);
            assert!(lines.all(|line| line.unwrap()["level"] != "ERROR"), "{log}");
        }
    }
}
