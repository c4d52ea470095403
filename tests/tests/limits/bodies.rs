//! Bodies: read and dropped up to 64 KiB; behind more the connection ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::{
    contract::token,
    raw::{Connection, RawAnswer, head},
    service::Service,
};

use crate::{login, validate};

const LIMIT: usize = 64 * 1024;

fn with_length(path: &str, bytes: usize, headers: &str) -> String {
    let head = head(&format!("POST {path}"), &format!("Content-Length: {bytes}\r\n{headers}"));
    head + &"x".repeat(bytes)
}

fn chunked(path: &str, bytes: usize, headers: &str) -> String {
    let head = head(&format!("POST {path}"), &format!("Transfer-Encoding: chunked\r\n{headers}"));
    let chunk = format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes));
    format!("{head}{}0\r\n\r\n", if bytes == 0 { "" } else { &chunk })
}

/// The two ways to send a body.
const FORMS: [fn(&str, usize, &str) -> String; 2] = [with_length, chunked];

/// A request without credentials, and whether another one on its connection is answered.
fn post(service: &Service, request: &str) -> (RawAnswer, bool) {
    let mut connection = Connection::to(service);
    let answer = connection.exchange(request).unwrap();
    let again = connection.exchange(head("POST /", ""));
    (answer, again.is_ok_and(|again| again.status == 401))
}

#[test]
fn validate_answers_whatever_the_body_and_keeps_the_connection_behind_64_kib() {
    let service = validate();
    let bearer = format!("Authorization: Bearer {}\r\n", token("ada@example.com", false));
    let check = |request: &str, kept: bool| {
        let (answer, is_kept) = post(&service, request);
        assert_eq!((answer.status, is_kept), (200, kept), "{} bytes: {answer:?}", request.len());
    };
    for form in FORMS {
        for bytes in [0, 1, LIMIT] {
            check(&form("/", bytes, &bearer), true);
        }
        check(&form("/", 4 * 1024 * 1024, &bearer), false);
    }
    // Of a chunked one, hyper may have the little that is left at hand.
    check(&with_length("/", LIMIT + 1, &bearer), false);
}

#[test]
fn validate_answers_before_a_body_that_never_comes() {
    let service = validate();
    for (length, last) in [(LIMIT, false), (LIMIT + 1, true)] {
        let since = Instant::now();
        let head = head("POST /", &format!("Content-Length: {length}\r\n"));
        let answer = Connection::to(&service).exchange(head).unwrap();
        assert_eq!((answer.status, answer.is_last()), (401, last), "{answer:?}");
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
}

/// It may never send the body, so that nobody knows where its next request begins.
#[test]
fn validate_ends_the_connection_of_a_client_that_asks_before_it_sends() {
    let service = validate();
    let asked = head("POST /", "Content-Length: 5\r\nExpect: 100-continue\r\n");
    let answer = Connection::to(&service).exchange(asked).unwrap();
    assert_eq!((answer.status, answer.is_last()), (401, true), "{answer:?}");
}

#[test]
fn login_reads_64_kib_and_refuses_one_byte_more_with_413() {
    let service = login();
    for form in FORMS {
        for bytes in [0, 1, LIMIT] {
            let (answer, is_kept) = post(&service, &form("/login", bytes, ""));
            assert_eq!((answer.status, is_kept), (401, true), "{bytes} bytes: {answer:?}");
        }
        for bytes in [LIMIT + 1, 4 * 1024 * 1024] {
            let (answer, is_kept) = post(&service, &form("/login", bytes, ""));
            assert_eq!((answer.status, is_kept), (413, false), "{bytes} bytes: {answer:?}");
            assert_eq!(answer.body, "content too large");
            assert!(answer.is_last(), "{answer:?}");
        }
    }
}

#[test]
fn login_refuses_what_is_announced_as_too_large_at_once_and_leaves_a_line() {
    let service = login();
    let since = Instant::now();
    let length = format!("Content-Length: {}\r\n", LIMIT + 1);
    for expect in ["", "Expect: 100-continue\r\n"] {
        let request = head("POST /login", &format!("{length}{expect}Accept: application/json\r\n"));
        let answer = Connection::to(&service).exchange(request).unwrap();
        assert_eq!((answer.status, answer.is_last()), (413, true), "{answer:?}");
        assert!(answer.headers.contains("content-type: application/problem+json"), "{answer:?}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&problem["status"], &problem["detail"]),
            (&413.into(), &json!("content too large"))
        );
    }
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let (_, log) = service.terminate();
    assert!(log.contains(r#""status":413"#) && log.contains("content_too_large"), "{log}");
}

#[test]
fn login_waits_5_s_for_a_body_and_lets_others_in_meanwhile() {
    let service = login();
    let mut slow = Connection::to(&service);
    slow.send(head("POST /login", "Content-Length: 5\r\n") + "abc").unwrap();
    let since = Instant::now();
    assert_eq!(post(&service, &with_length("/login", 5, "")).0.status, 401);
    let answer = slow.answer().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (408, "request timeout"));
    assert!(answer.is_last(), "{answer:?}");
    let bounds = Duration::from_millis(4500)..Duration::from_millis(6500);
    assert!(bounds.contains(&since.elapsed()), "{:?}", since.elapsed());
}

#[test]
fn probes_do_not_wait_for_bodies() {
    for service in [validate(), login()] {
        for path in ["/healthz", "/readyz"] {
            let since = Instant::now();
            let request = head(&format!("GET {path}"), "Content-Length: 5\r\n");
            assert_eq!(Connection::to(&service).exchange(request).unwrap().status, 200);
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        }
    }
}
