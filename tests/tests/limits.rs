//! What a client may take of a function: bytes, time and connections.

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

/// A head of exactly so many bytes.
fn head_of(bytes: usize) -> String {
    let without = head("GET /", "X-Pad: \r\n").len();
    head("GET /", &format!("X-Pad: {}\r\n", "x".repeat(bytes - without)))
}

#[test]
fn a_head_of_16_kib_is_read_and_one_more_byte_is_431_and_the_end() {
    let service = validate(&[]);
    let mut connection = Connection::to(&service);
    for _ in 0..2 {
        assert_eq!(connection.exchange(head_of(HEAD_LIMIT)).unwrap().status, 401);
    }
    let answer = connection.exchange(head_of(HEAD_LIMIT + 1)).unwrap();
    assert_eq!((answer.status, answer.is_last()), (431, true), "{answer:?}");
    let _ = connection.time_to_close();
    // What is on its way when the answer is sent takes nothing from it.
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

/// Up to 64 KiB of a body are read and dropped.
#[test]
fn the_answer_is_the_same_whatever_the_body_and_the_connection_is_kept_after_up_to_64_kib() {
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
    // Of a chunked one, hyper may have the little that is left at hand.
    check(&with_length(BODY_LIMIT + 1), false);
    check(&chunked(BODY_LIMIT).replace("10000\r\n", "not a length\r\n"), false);
}

/// A client that asks before it sends (`Expect`) gets its final status in place of `100 Continue`.
/// It may never send the body then, so that where its next request begins could not be told.
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

fn kept(service: &Service) -> Connection {
    let mut connection = Connection::to(service);
    assert_eq!(connection.exchange(head("POST /", "")).unwrap().status, 401);
    connection
}

/// A request whose head does not end.
fn busy(service: &Service) -> Connection {
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
    // Further apart than a busy machine may keep a thread waiting between an answer and the note
    // of its time.
    let pause = || thread::sleep(SECOND / 5);
    let kept_after_a_pause = || {
        pause();
        kept(&service)
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
        assert_eq!(again(&mut next).unwrap().status, 401, "it is kept as any other");
        open[longest] = next;
    }
    let _busy = [busy(&service), busy(&service), busy(&service)];
    for connection in &mut open {
        assert!(connection.time_to_close() < SECOND);
    }
}

#[test]
fn probes_are_answered_and_others_refused_where_all_connections_are_in_use() {
    let service = validate(&[("MAX_CONNECTIONS", "3")]);
    let mut busy = [busy(&service), busy(&service), busy(&service)];
    // Until what they have sent was read they count as idle.
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
    assert_eq!(busy[0].exchange("\r\n").unwrap().status, 401, "a client that is in is served");
    assert_eq!(Connection::to(&service).exchange(head("GET /", "")).unwrap().status, 401);
    drop(busy);
    let (status, log) = service.terminate();
    assert!(status.success());
    assert_eq!(log.matches("all connections are in use").count(), 1, "{log}");
    assert_eq!(log.matches("all connections are taken").count(), 2, "{log}");
}

#[tokio::test]
async fn connections_never_take_the_file_descriptors_of_the_database() {
    let store = Sqlite::of_contract().await;
    let command = shell("login", "ulimit -n 100; exec \"$0\"");
    let service = Service::start_command("login", command, 200, store.variables());
    let login = login_request();
    let (begin, end) = login.split_at(20);
    let mut open = Connection::to(&service);
    open.send(begin).unwrap();
    let busy: Vec<_> = (0..19).map(|_| busy(&service)).collect();
    // More than are kept for probes.
    let more: Vec<_> = (0..40).map(|_| Connection::to(&service)).collect();
    assert_eq!(open.exchange(end).unwrap().status, 200);
    drop((busy, more));
    let log = service.log();
    let said = r#""max_connections":20,"configured":10000,"descriptors":100"#;
    assert!(log.contains(said), "{log}");
}

#[test]
fn the_limit_of_file_descriptors_is_raised_as_far_as_it_goes() {
    let command = shell("validate", "ulimit -Sn 100; exec \"$0\"");
    let service = Service::start_command("validate", command, 200, Environment::new());
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.process.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(files[3], files[4], "soft and hard");
    assert_ne!(files[3], "100");
}

#[tokio::test]
async fn logins_are_answered_while_2000_clients_do_not_end_their_heads() {
    let store = Sqlite::of_contract().await;
    let login = Service::start("login", store.variables());
    let _slow: Vec<_> = (0..2000).map(|_| busy(&login)).collect();
    for _ in 0..20 {
        let since = Instant::now();
        assert_eq!(Connection::to(&login).exchange(login_request()).unwrap().status, 200);
        assert!(since.elapsed() < 2 * SECOND, "{:?}", since.elapsed());
    }
}

/// What the documents say, and `MAX_CONNECTIONS` in the manifests is made of.
#[test]
fn a_connection_costs_no_more_than_40_kib_whatever_it_has_sent() {
    let long = head_of(15 * 1024);
    let twice = format!("{long}{}", &long[..long.len() - 2]);
    let token = format!("Authorization: Bearer {}\r\n", "x".repeat(8000));
    for (what, request, status) in [
        ("idle after a small request", &*head("POST /", ""), 401),
        ("idle after a head of 15 KiB", &long, 401),
        ("idle after a token of 8 KiB", &head("POST /", &token), 403),
        ("after one and with another that does not end", &twice, 401),
        ("with a head of 15 KiB that does not end", &long[..long.len() - 2], 0),
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
