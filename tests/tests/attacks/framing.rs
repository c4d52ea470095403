//! Requests that two servers might read differently: one request gets one answer, and what has no
//! clear end gets 400 and a closed connection.

use system_tests::{contract::SECRET, http::basic, scratch};

use crate::{
    rows::rows,
    target::{HS256, PASSWORD, Target, USERNAME, statuses, with_header},
};

/// What follows each request, on the same connection: answered where that goes on.
const NEXT: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Each request is answered once, by 401 without credentials and by 200 with them.
fn check(target: &Target, route: &str, authorization: &str) {
    target.note(authorization);
    let credentials = format!("Authorization: {authorization}\r\n");
    for rows in rows("framing") {
        let tries =
            rows.texts.iter().flat_map(|row| [(row, "", 401), (row, credentials.as_str(), 200)]);
        for (row, line, deserved) in tries {
            let start = format!("{route} HTTP/1.1\r\nHost: x\r\n");
            let request = row.replace('$', "Transfer-Encoding: chunked\r\n");
            let request = request.replace('^', &start).replace('@', route).replace('~', line);
            let answers = target.exchange(format!("{request}{NEXT}").as_bytes());
            let good = match rows.answer {
                "bad" => vec![400],
                "closed" => vec![deserved],
                "goes" => vec![deserved, 200],
                "not found" => vec![404, 200],
                "silence" => vec![],
                other => panic!("no answer {other}"),
            };
            assert_eq!(statuses(&answers), good, "{}, {request:?}: {answers}", rows.source);
        }
    }
}

#[test]
fn validate_answers_one_request_once() {
    let target = Target::validate();
    check(&target, "POST /", &format!("Bearer {}", with_header(HS256)));
    target.end(&[SECRET]);
}

#[tokio::test]
async fn login_answers_one_request_once() {
    let folder = scratch::directory();
    let target = Target::login(folder.path()).await;
    check(&target, "POST /login", &basic(USERNAME, PASSWORD));
    target.end(&[SECRET, PASSWORD]);
}

#[test]
fn methods_are_told_apart_by_case() {
    let target = Target::validate();
    let line = format!("Authorization: Bearer {}\r\n", with_header(HS256));
    for method in ["get", "Get", "CONNECT", "TRACE", "PROPFIND", "X", "!#$%&'*+-.^_`|~"] {
        for (line, status) in [("", 401), (line.as_str(), 200)] {
            let head = format!("{method} /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
            let answer = target.exchange(format!("{head}{line}\r\n").as_bytes());
            assert_eq!(statuses(&answer), [status], "{method} (RFC 9110 9.1): {answer}");
            // TRACE would send the credentials back (RFC 9110 9.3.8).
            assert!(!answer.contains("Bearer ey"), "{method}: {answer}");
        }
    }
    target.end(&[SECRET]);
}
