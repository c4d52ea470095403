//! Limits for the clients of a function: bytes, time and connections.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use system_tests::{
    Connection, Environment, Service, Sqlite, USER, basic, environment, head, shell, token,
};

const SECOND: Duration = Duration::from_secs(1);
const HEAD_LIMIT: usize = 16 * 1024;
const BODY_LIMIT: usize = 64 * 1024;

fn validate(variables: &[(&str, &str)]) -> Service {
    Service::start("validate", environment(variables))
}

/// A head with this length in bytes.
fn head_of(bytes: usize) -> String {
    let without = head("GET /", "X-Pad: \r\n").len();
    head("GET /", &format!("X-Pad: {}\r\n", "x".repeat(bytes - without)))
}

#[test]
fn a_head_of_16_kib_is_accepted_and_a_longer_one_gets_431_and_closes_the_connection() {
    let service = validate(&[]);
    let mut connection = Connection::to(&service);
    for _ in 0..2 {
        assert_eq!(connection.exchange(head_of(HEAD_LIMIT)).unwrap().status, 401);
    }
    let answer = connection.exchange(head_of(HEAD_LIMIT + 1)).unwrap();
    assert_eq!((answer.status, answer.is_last()), (431, true), "{answer:?}");
    let _ = connection.time_to_close();
    // The client gets the answer although it has sent more than the server reads.
    let answer = Connection::to(&service).exchange(head_of(1024 * 1024)).unwrap();
    assert_eq!(answer.status, 431, "{answer:?}");
}

fn with_length(bytes: usize) -> String {
    head("POST /", &format!("Content-Length: {bytes}\r\n")) + &"x".repeat(bytes)
}

fn chunked(bytes: usize) -> String {
    let chunk = format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes));
    let chunks = format!("{}0\r\n\r\n", if bytes == 0 { "" } else { &chunk });
    head("POST /", "Transfer-Encoding: chunked\r\n") + &chunks
}

/// A function reads and discards up to 64 KiB of a body.
#[test]
fn a_body_does_not_change_the_answer_and_one_up_to_64_kib_keeps_the_connection_open() {
    let service = validate(&[]);
    let check = |request: &str, kept: bool| {
        let mut connection = Connection::to(&service);
        let answer = connection.exchange(request).unwrap();
        let again = connection.exchange(head("POST /", "")).map(|again| again.status);
        let is_kept = again.is_ok_and(|status| status == 401);
        assert_eq!((answer.status, is_kept), (401, kept), "{} bytes: {answer:?}", request.len());
    };
    for form in [with_length, chunked] {
        for bytes in [0, 1, BODY_LIMIT] {
            check(&form(bytes), true);
        }
        check(&form(4 * 1024 * 1024), false);
    }
    // Not with a chunked body: if hyper has buffered the last byte, it keeps the connection.
    check(&with_length(BODY_LIMIT + 1), false);
    check(&chunked(BODY_LIMIT).replace("10000\r\n", "not a length\r\n"), false);
}

/// A client with `Expect` gets the final status in place of `100 Continue` and may not send the
/// body then. The server could not tell the body from the next request: it closes the connection.
#[test]
fn an_answer_does_not_wait_for_a_body_that_never_comes() {
    const EXPECT: &str = "Expect: 100-continue\r\n";
    let service = validate(&[]);
    let credentials = format!("Authorization: Bearer {}\r\n", token("ada@example.com", false));
    for (route, length, more, last) in [
        ("POST /", "Content-Length: 65536", "", false),
        ("POST /", "Content-Length: 65537", "", true),
        ("POST /", "Transfer-Encoding: chunked", "", false),
        ("POST /", "Content-Length: 5", EXPECT, true),
        ("POST /", "Transfer-Encoding: chunked", EXPECT, true),
        ("GET /healthz", "Content-Length: 5", "", false),
        ("GET /readyz", "Content-Length: 5", "", false),
    ] {
        let since = Instant::now();
        let head = head(route, &format!("{length}\r\n{more}{credentials}"));
        let answer = Connection::to(&service).exchange(head).unwrap();
        assert_eq!((answer.status, answer.is_last()), (200, last), "{length}{answer:?}");
        assert!(since.elapsed() < 2 * SECOND, "{:?}", since.elapsed());
    }
}

fn idle(service: &Service) -> Connection {
    let mut connection = Connection::to(service);
    assert_eq!(connection.exchange(head("POST /", "")).unwrap().status, 401);
    connection
}

/// A connection with an incomplete head.
fn incomplete(service: &Service) -> Connection {
    let mut connection = Connection::to(service);
    connection.send("GET / HTTP/1.1\r\nHost: h\r\n").unwrap();
    connection
}

fn login_request() -> String {
    head("POST /login", &format!("Authorization: {}\r\n", basic(USER.0, USER.1)))
}

#[test]
fn at_the_limit_the_connection_that_has_been_idle_longest_is_closed() {
    let service = validate(&[("MAX_CONNECTIONS", "3")]);
    // Longer than a busy machine delays the server between an answer and recording its time.
    let pause = || thread::sleep(SECOND / 5);
    let kept_after_a_pause = || {
        pause();
        idle(&service)
    };
    let mut open: Vec<_> = (0..3).map(|_| kept_after_a_pause()).collect();
    let again = |connection: &mut Connection| {
        pause();
        connection.exchange(head("GET /", ""))
    };
    assert_eq!(again(&mut open[0]).unwrap().status, 401);
    for longest in [1, 2, 0] {
        let mut next = kept_after_a_pause();
        assert!(open[longest].time_to_close() < SECOND, "{longest}");
        assert_eq!(again(&mut next).unwrap().status, 401, "the new connection is kept");
        open[longest] = next;
    }
    let _busy = [incomplete(&service), incomplete(&service), incomplete(&service)];
    for connection in &mut open {
        assert!(connection.time_to_close() < SECOND);
    }
}

#[test]
fn probes_are_answered_and_other_requests_refused_when_all_connections_are_in_use() {
    let service = validate(&[("MAX_CONNECTIONS", "3")]);
    let mut busy = [incomplete(&service), incomplete(&service), incomplete(&service)];
    // They count as idle until the server has read what they sent.
    thread::sleep(SECOND / 5);
    for _ in 0..2 {
        for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/", 503)] {
            let since = Instant::now();
            let request = head(&format!("GET {path}"), "");
            let answer = Connection::to(&service).exchange(request).unwrap();
            assert_eq!((answer.status, answer.is_last()), (status, true), "{answer:?}");
            assert!(status == 200 || answer.header("retry-after") == Some("2"), "{answer:?}");
            assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
        }
    }
    assert_eq!(busy[0].exchange("\r\n").unwrap().status, 401, "a connected client is served");
    assert_eq!(Connection::to(&service).exchange(head("GET /", "")).unwrap().status, 401);
    drop(busy);
    let (status, log) = service.terminate();
    assert!(status.success());
    assert_eq!(log.matches("all connections are in use").count(), 1, "{log}");
    assert_eq!(log.matches("all connections are taken").count(), 2, "{log}");
}

#[tokio::test]
async fn client_connections_leave_file_descriptors_for_the_database() {
    let store = Sqlite::of_contract().await;
    let command = shell("login", "ulimit -n 100; exec \"$0\"");
    let service = Service::start_command("login", command, 200, store.variables());
    let login = login_request();
    let (begin, end) = login.split_at(20);
    let mut open = Connection::to(&service);
    open.send(begin).unwrap();
    let busy: Vec<_> = (0..19).map(|_| incomplete(&service)).collect();
    // More connections than are reserved for probes.
    let more: Vec<_> = (0..40).map(|_| Connection::to(&service)).collect();
    assert_eq!(open.exchange(end).unwrap().status, 200);
    drop((busy, more));
    let log = service.log();
    let said = r#""max_connections":20,"configured":10000,"descriptors":100"#;
    assert!(log.contains(said), "{log}");
}

#[test]
fn the_soft_limit_of_file_descriptors_is_raised_to_the_hard_limit() {
    let command = shell("validate", "ulimit -Sn 100; exec \"$0\"");
    let service = Service::start_command("validate", command, 200, Environment::new());
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.process.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(files[3], files[4], "soft and hard");
    assert_ne!(files[3], "100");
}

#[tokio::test]
async fn logins_are_answered_while_2000_clients_hold_incomplete_heads() {
    let store = Sqlite::of_contract().await;
    let login = Service::start("login", store.variables());
    let _slow: Vec<_> = (0..2000).map(|_| incomplete(&login)).collect();
    for _ in 0..20 {
        let since = Instant::now();
        assert_eq!(Connection::to(&login).exchange(login_request()).unwrap().status, 200);
        assert!(since.elapsed() < 2 * SECOND, "{:?}", since.elapsed());
    }
}

/// The documents state this limit, and `MAX_CONNECTIONS` in the manifests is derived from it.
#[test]
fn a_connection_uses_less_than_40_kib_whatever_it_has_sent() {
    let long = head_of(15 * 1024);
    let twice = format!("{long}{}", &long[..long.len() - 2]);
    let token = format!("Authorization: Bearer {}\r\n", "x".repeat(8000));
    for (what, request, status) in [
        ("idle after a small request", &*head("POST /", ""), 401),
        ("idle after a head of 15 KiB", &long, 401),
        ("idle after a token of 8 KiB", &head("POST /", &token), 403),
        ("with a second head of 15 KiB that is incomplete", &twice, 401),
        ("with an incomplete head of 15 KiB", &long[..long.len() - 2], 0),
    ] {
        let service = validate(&[]);
        let open = || {
            let mut connection = Connection::to(&service);
            connection.send(request).unwrap();
            assert!(status == 0 || connection.answer().unwrap().status == status, "{what}");
            connection
        };
        drop(open());
        let before = service.process.memory_kib("VmRSS");
        let open: Vec<_> = (0..1000).map(|_| open()).collect();
        thread::sleep(SECOND / 5);
        let each = (service.process.memory_kib("VmRSS") - before) * 1024 / open.len();
        println!("a connection {what}: {each} bytes");
        assert!(each < 40 * 1024, "{what}: {each} bytes");
        let answer = Connection::to(&service).exchange(head("GET /", "")).unwrap();
        assert_eq!(answer.status, 401, "another client, while 1,000 are {what}");
    }
}
