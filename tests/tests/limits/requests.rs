//! Heads: 16 KiB, within 5 s. Bodies: ignored and never waited for; up to 64 KiB are read and
//! dropped, and behind more the connection ends.

use std::time::{Duration, Instant};

use system_tests::{
    contract::token,
    environment,
    http::{Answer, basic},
    raw::{Connection, head},
    service::Service,
    wait,
};

use crate::validate;

const HEAD_LIMIT: usize = 16 * 1024;
const BODY_LIMIT: usize = 64 * 1024;
const SOON: Duration = Duration::from_secs(2);

/// A head of exactly so many bytes.
fn head_of(bytes: usize) -> String {
    let without = head("GET /", "X-Pad: \r\n").len();
    head("GET /", &format!("X-Pad: {}\r\n", "x".repeat(bytes - without)))
}

fn with_length(bytes: usize, headers: &str) -> String {
    let head = head("POST /", &format!("Content-Length: {bytes}\r\n{headers}"));
    head + &"x".repeat(bytes)
}

fn chunked(bytes: usize, headers: &str) -> String {
    let head = head("POST /", &format!("Transfer-Encoding: chunked\r\n{headers}"));
    let chunk = format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes));
    format!("{head}{}0\r\n\r\n", if bytes == 0 { "" } else { &chunk })
}

/// Each function, with credentials that it answers with this status.
fn functions() -> [(Service, String, u16); 2] {
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    // Its database is out of reach, so that a login is 503 at once.
    let url = format!("mysql://u:x@127.0.0.1:{}/auth", wait::free_port());
    let login = Service::start("login", environment(&[("DATABASE_URL", &url)]));
    let basic = basic("ada@example.com", "x");
    [(validate(), bearer, 200), (login, basic, 503)].map(|(service, credentials, status)| {
        (service, format!("Authorization: {credentials}\r\n"), status)
    })
}

#[test]
fn a_head_of_16_kib_is_read_and_one_more_byte_is_431_and_the_end() {
    for (service, ..) in functions() {
        let mut connection = Connection::to(&service);
        for _ in 0..2 {
            let status = connection.exchange(head_of(HEAD_LIMIT)).unwrap().status;
            assert!([401, 405].contains(&status), "{status}");
        }
        let answer = connection.exchange(head_of(HEAD_LIMIT + 1)).unwrap();
        assert_eq!((answer.status, answer.is_last()), (431, true), "{answer:?}");
        let _ = connection.time_to_end();
        // What is on its way when the answer is sent takes nothing from it.
        let answer = Connection::to(&service).exchange(head_of(1024 * 1024)).unwrap();
        assert_eq!(answer.status, 431, "{answer:?}");
    }
}

/// The answer, and whether another request on its connection is answered.
fn post(service: &Service, request: &str) -> (Answer, bool) {
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
        for form in [with_length, chunked] {
            for bytes in [0, 1, BODY_LIMIT] {
                check(&form(bytes, &credentials), true);
            }
            check(&form(4 * 1024 * 1024, &credentials), false);
        }
        // Of a chunked one, hyper may have the little that is left at hand.
        check(&with_length(BODY_LIMIT + 1, &credentials), false);
        let broken = format!("Transfer-Encoding: chunked\r\n{credentials}");
        check(&(head("POST /", &broken) + "not a length\r\n" + &"x".repeat(BODY_LIMIT)), false);
    }
}

/// A client that asks before it sends (`Expect`) gets its final status in place of `100 Continue`.
/// It may never send the body then, so that where its next request begins could not be told.
#[test]
fn an_answer_does_not_wait_for_a_body_that_never_comes() {
    const EXPECT: &str = "Expect: 100-continue\r\n";
    for (service, credentials, status) in functions() {
        for (route, length, more, expected, last) in [
            ("POST /", "Content-Length: 65536", "", status, false),
            ("POST /", "Content-Length: 65537", "", status, true),
            ("POST /", "Transfer-Encoding: chunked", "", status, false),
            ("POST /", "Content-Length: 5", EXPECT, status, true),
            ("POST /", "Transfer-Encoding: chunked", EXPECT, status, true),
            ("GET /healthz", "Content-Length: 5", "", 200, false),
            ("GET /readyz", "Content-Length: 5", "", 200, false),
        ] {
            let since = Instant::now();
            let head = head(route, &format!("{length}\r\n{more}{credentials}"));
            let answer = Connection::to(&service).exchange(head).unwrap();
            assert_eq!((answer.status, answer.is_last()), (expected, last), "{length}{answer:?}");
            assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
        }
    }
}
