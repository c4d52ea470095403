//! Bodies: ignored and never waited for. Up to 64 KiB are read and dropped; behind more the
//! connection ends.

use std::time::{Duration, Instant};

use system_tests::{
    contract::token,
    http::basic,
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

/// Each function, with credentials that it answers with this status.
fn functions() -> [(Service, String, u16); 2] {
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    // Its database is out of reach, so that a login is 503 at once.
    let basic = basic("ada@example.com", "x");
    [(validate(), bearer, 200), (login(), basic, 503)].map(|(service, credentials, status)| {
        (service, format!("Authorization: {credentials}\r\n"), status)
    })
}

/// The answer, and whether another request on its connection is answered.
fn post(service: &Service, request: &str) -> (RawAnswer, bool) {
    let mut connection = Connection::to(service);
    let answer = connection.exchange(request).unwrap();
    let again = connection.exchange(head("POST /", ""));
    (answer, again.is_ok_and(|again| again.status == 401))
}

#[test]
fn the_answer_is_the_same_whatever_the_body_and_the_connection_is_kept_behind_64_kib() {
    for (service, credentials, status) in functions() {
        let check = |request: &str, kept: bool| {
            let (answer, is_kept) = post(&service, request);
            let bytes = request.len();
            assert_eq!((answer.status, is_kept), (status, kept), "{bytes} bytes: {answer:?}");
        };
        for form in FORMS {
            for bytes in [0, 1, LIMIT] {
                check(&form("/", bytes, &credentials), true);
            }
            check(&form("/", 4 * 1024 * 1024, &credentials), false);
        }
        // Of a chunked one, hyper may have the little that is left at hand.
        check(&with_length("/", LIMIT + 1, &credentials), false);
    }
}

#[test]
fn an_answer_does_not_wait_for_a_body_that_never_comes() {
    for (service, credentials, status) in functions() {
        for (length, last) in [
            ("Content-Length: 65536\r\n", false),
            ("Content-Length: 65537\r\n", true),
            ("Transfer-Encoding: chunked\r\n", false),
        ] {
            let since = Instant::now();
            let head = head("POST /", &format!("{length}{credentials}"));
            let answer = Connection::to(&service).exchange(head).unwrap();
            assert_eq!((answer.status, answer.is_last()), (status, last), "{length}{answer:?}");
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        }
    }
}

/// It gets its final status in place of `100 Continue`. It may never send the body then, so that
/// where its next request begins could not be told.
#[test]
fn the_connection_of_a_client_that_asks_before_it_sends_ends_with_the_answer() {
    for (service, credentials, status) in functions() {
        for length in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
            let headers = format!("{length}Expect: 100-continue\r\n{credentials}");
            let answer = Connection::to(&service).exchange(head("POST /", &headers)).unwrap();
            assert_eq!((answer.status, answer.is_last()), (status, true), "{length}{answer:?}");
        }
    }
}

#[test]
fn a_body_that_is_no_chunked_one_keeps_no_answer_back() {
    for (service, credentials, status) in functions() {
        let head = head("POST /", &format!("Transfer-Encoding: chunked\r\n{credentials}"));
        let broken = head + "not a length\r\n" + &"x".repeat(LIMIT);
        let (answer, is_kept) = post(&service, &broken);
        assert_eq!((answer.status, is_kept), (status, false), "{answer:?}");
    }
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
