//! What is there to be attacked at all, what an answer gives away, and what a client can write
//! into the log.

use serde_json::Value;
use system_tests::{contract::SECRET, http::basic, scratch};

use crate::target::{HS256, PASSWORD, Target, USERNAME, environment, statuses, with_header};

#[tokio::test]
async fn nothing_is_served_but_what_the_contract_names() {
    let folder = scratch::directory();
    let bearer = format!("Bearer {}", with_header(HS256));
    for (target, authorization) in [
        (Target::login(folder.path()).await, basic(USERNAME, PASSWORD)),
        (Target::validate(), bearer),
    ] {
        target.note(&authorization);
        for (path, source) in [
            ("/admin", "ASVS 6.3.4"),
            ("/validator", "ASVS 6.3.4"),
            ("/metrics", "ASVS 13.4.5"),
            ("/debug/pprof", "ASVS 13.4.2"),
            ("/openapi.json", "ASVS 13.4.5"),
            ("/.env", "ASVS 13.4.1"),
            ("/.git/config", "ASVS 13.4.1"),
            ("/.well-known/", "RFC 8615 3"),
            ("/2018-06-01/runtime/invocation/next", "ASVS 13.4.5"),
            ("/readyz?verbose", "control"),
        ] {
            let request = target.service().request("POST", path);
            let answer = request.header("authorization", &authorization).send();
            let expected = if source == "control" { [200, 405] } else { [404, 405] };
            assert!(expected.contains(&answer.status), "{path} ({source}): {answer:?}");
            for name in
                ["server", "x-powered-by", "via", "access-control-allow-origin", "set-cookie"]
            {
                assert!(answer.header(name).is_none(), "{path} (ASVS 13.4.6): {answer:?}");
            }
        }
        target.end(&[SECRET, PASSWORD]);
    }
}

/// Headers and paths that try to write a line, or a member of one, into the log.
#[test]
fn a_client_writes_no_line_of_the_log() {
    const FORGED: &[u8] = br#"","level":"ERROR","message":"forged"#;
    for format in ["json", "text"] {
        let variables = environment(&[("JWT_SECRET", SECRET), ("LOG_FORMAT", format)]);
        let target = Target::start("validate", variables);
        let rows = [
            ("x-request-id", FORGED),
            ("x-request-id", "\u{9b}2J".as_bytes()),
            ("x-request-id", &b"\xff\xfe"[..]),
            ("x-request-id", "a\u{2028}b".as_bytes()),
            ("traceparent", FORGED),
            ("user-agent", FORGED),
        ];
        for (header, value) in rows {
            let request = target.service().request("GET", "/validate").header(header, value);
            assert_eq!(request.send().status, 401, "{header} (ASVS 16.4.1)");
        }
        // Four of them no client of ours sends as they are.
        let paths = [
            ("/%0a%0dforged", 404),
            ("/%1b%5b2J", 404),
            ("/validate/%22,%22level%22:%22ERROR%22", 401),
            ("/\u{9b}2J", 404),
            ("/\u{85}forged", 404),
            ("/\u{2028}forged", 404),
            ("/\u{202e}degrof", 404),
        ];
        for (path, status) in paths {
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let answer = target.exchange(head.as_bytes());
            assert_eq!(statuses(&answer), [status], "{path:?} (RFC 3986 2.1): {answer}");
        }
        let log = target.service().log();
        for mark in ["\u{1b}", "\u{9b}", "\u{85}", "\u{2028}", "\u{202e}", "\nforged"] {
            assert!(!log.contains(mark), "{mark:?} is in the log (ASVS 16.4.1): {log:?}");
        }
        let requests = log.lines().filter(|line| line.contains("duration_ms")).count();
        assert_eq!(requests, rows.len() + paths.len(), "one line a request: {log}");
        if format == "json" {
            let mut lines = log.lines().map(serde_json::from_str::<Value>);
            assert!(lines.all(|line| line.unwrap()["level"] != "ERROR"), "{log}");
        }
    }
}
