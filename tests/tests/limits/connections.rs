//! How many connections there may be, and what is left for a client that needs one.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use system_tests::{
    Environment,
    contract::USER,
    environment,
    http::basic,
    raw::{Connection, head},
    service::{Service, shell},
    stores::Sqlite,
};

use crate::validate;

const SECOND: Duration = Duration::from_secs(1);

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
    let service = Service::start("validate", environment(&[("MAX_CONNECTIONS", "3")]));
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
        assert!(open[longest].time_to_end() < SECOND, "{longest}");
        assert_eq!(again(&mut next).unwrap().status, 401, "it is kept as any other");
        open[longest] = next;
    }
    let _busy = [busy(&service), busy(&service), busy(&service)];
    for connection in &mut open {
        assert!(connection.time_to_end() < SECOND);
    }
}

#[test]
fn probes_are_answered_and_others_refused_where_all_connections_are_in_use() {
    let service = Service::start("validate", environment(&[("MAX_CONNECTIONS", "3")]));
    let mut busy = [busy(&service), busy(&service), busy(&service)];
    // Until what they have sent was read they count as idle.
    thread::sleep(SECOND / 5);
    for _ in 0..2 {
        for path in ["/healthz", "/readyz"] {
            let request = head(&format!("GET {path}"), "");
            let answer = Connection::to(&service).exchange(request).unwrap();
            assert_eq!((answer.status, answer.is_last()), (200, true), "{answer:?}");
        }
        let since = Instant::now();
        let answer = Connection::to(&service).exchange(head("GET /", "")).unwrap();
        assert_eq!((answer.status, answer.is_last()), (503, true), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
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
    let service = Service::start_by("login", command, 200, store.variables());
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
    let service = Service::start_by("validate", command, 200, Environment::new());
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
    const LONG: usize = 15 * 1024;
    let small = head("POST /", "");
    let long = head("POST /", &format!("X-Long: {}\r\n", "x".repeat(LONG)));
    let twice = format!("{long}{}", &long[..LONG]);
    let tokens = format!("Authorization: Bearer {}\r\n", "x".repeat(8000));
    let refused = head("POST /", &tokens);
    for (what, request, status) in [
        ("idle behind a small request", &*small, 401),
        ("idle behind a head of 15 KiB", &*long, 401),
        ("idle behind a token of 8 KiB", &*refused, 403),
        ("behind one and with another that does not end", &*twice, 401),
        ("with a head of 15 KiB that does not end", &long[..LONG], 0),
    ] {
        let service = validate();
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
    }
}
