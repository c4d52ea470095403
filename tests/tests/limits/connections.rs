//! How many connections there may be, and what is left for who needs one.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    contract::{USER, token},
    http::basic,
    raw::{Connection, head},
    service::Service,
};

use crate::{login_variables, validate, with_key};

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

#[test]
fn where_places_are_short_the_connection_that_has_been_idle_longest_makes_room() {
    let service = Service::start("validate", with_key(&[("MAX_CONNECTIONS", "3")]));
    // Further apart than a busy machine may keep a thread waiting between an answer and the note
    // of its time.
    let pause = || thread::sleep(Duration::from_millis(200));
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
        assert!(open[longest].time_to_end() < Duration::from_secs(1), "{longest}");
        assert_eq!(again(&mut next).unwrap().status, 401, "it has a place as any other");
        open[longest] = next;
    }
    let _busy = [busy(&service), busy(&service), busy(&service)];
    for connection in &mut open {
        assert!(connection.time_to_end() < Duration::from_secs(1));
    }
}

#[test]
fn probes_are_answered_and_others_refused_where_all_connections_are_in_use() {
    let service = Service::start("validate", with_key(&[("MAX_CONNECTIONS", "3")]));
    let mut busy = [busy(&service), busy(&service), busy(&service)];
    for _ in 0..2 {
        for path in ["/healthz", "/readyz"] {
            let request = head(&format!("GET {path}"), "");
            let answer = Connection::to(&service).exchange(request).unwrap();
            assert_eq!((answer.status, answer.is_last()), (200, true), "{answer:?}");
        }
        let since = Instant::now();
        let answer = Connection::to(&service).exchange(head("GET /", "")).unwrap();
        assert_eq!((answer.status, answer.is_last()), (503, true), "{answer:?}");
        assert!(answer.headers.contains("retry-after: 2\r\n"), "{answer:?}");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    }
    assert_eq!(busy[0].exchange("\r\n").unwrap().status, 401, "who is in is served");
    assert_eq!(Connection::to(&service).exchange(head("GET /", "")).unwrap().status, 401);
    drop(busy);
    let (status, log) = service.terminate();
    assert!(status.success());
    assert_eq!(log.matches("all connections are in use").count(), 1, "{log}");
    assert_eq!(log.matches("all connections are taken").count(), 2, "{log}");
}

#[tokio::test]
async fn connections_never_take_the_file_descriptors_of_the_database() {
    let (_folder, variables) = login_variables().await;
    let service = Service::start_by_shell("login", "ulimit -n 100; exec \"$0\"", variables);
    let login = head("POST /login", &format!("Authorization: {}\r\n", basic(USER.0, USER.1)));
    let (begin, end) = login.split_at(20);
    let mut open = Connection::to(&service);
    open.send(begin).unwrap();
    let busy: Vec<_> = (0..19).map(|_| busy(&service)).collect();
    // More than there are places for probes.
    let more: Vec<_> = (0..40).map(|_| Connection::to(&service)).collect();
    assert_eq!(open.exchange(end).unwrap().status, 200);
    drop((busy, more));
    let log = service.log();
    let said = r#""max_connections":20,"configured":10000,"descriptors":100"#;
    assert!(log.contains(said), "{log}");
}

#[test]
fn the_limit_of_file_descriptors_is_raised_as_far_as_it_goes() {
    let line = "ulimit -Sn 100; exec \"$0\"";
    let mut service = Service::start_by_shell("validate", line, with_key(&[]));
    let id = service.process().id();
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(files[3], files[4], "soft and hard");
    assert_ne!(files[3], "100");
}

/// 2,000 clients that send a head byte by byte, until they are cut.
#[tokio::test]
async fn clients_are_served_while_2000_others_trickle_their_heads() {
    let (_folder, variables) = login_variables().await;
    let login = Service::start("login", variables);
    let authorization = format!("Authorization: {}\r\n", basic(USER.0, USER.1));
    serve_during_trickle(&login, &head("POST /login", &authorization));
    let validate = validate();
    let authorization = format!("Authorization: Bearer {}\r\n", token(USER.0, false));
    serve_during_trickle(&validate, &head("GET /validate", &authorization));
}

fn serve_during_trickle(service: &Service, request: &str) {
    let mut trickling: Vec<_> = (0..2000).map(|_| Connection::to(service)).collect();
    let since = Instant::now();
    let cut = AtomicBool::new(false);
    let mut slowest = Duration::ZERO;
    let mut served = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for byte in head("GET /", "X-Slow: yes\r\n").bytes() {
                let next = Instant::now() + Duration::from_secs(1);
                let open = trickling.iter_mut().filter_map(|it| it.send([byte]).ok()).count();
                if open == 0 {
                    break;
                }
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            cut.store(true, Ordering::Relaxed);
        });
        while !cut.load(Ordering::Relaxed) {
            let since = Instant::now();
            let status = Connection::to(service).exchange(request).unwrap().status;
            assert_eq!(status, 200);
            slowest = slowest.max(since.elapsed());
            served += 1;
        }
    });
    println!("{served} served, the slowest in {slowest:?}, all cut after {:?}", since.elapsed());
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
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
        ("idle behind a small request", &small, 401),
        ("idle behind a head of 15 KiB", &long, 401),
        ("idle behind a token of 8 KiB", &refused, 403),
        ("behind one and with another that does not end", &twice, 401),
        ("with a head of 15 KiB that does not end", &long[..LONG].to_owned(), 0),
    ] {
        let mut service = validate();
        let id = service.process().id();
        let open = || {
            let mut connection = Connection::to(&service);
            connection.send(request).unwrap();
            assert!(status == 0 || connection.answer().unwrap().status == status, "{what}");
            connection
        };
        drop(open());
        let before = resident_kib(id);
        let open: Vec<_> = (0..1000).map(|_| open()).collect();
        thread::sleep(Duration::from_millis(200));
        let each = (resident_kib(id) - before) * 1024 / open.len();
        println!("a connection {what}: {each} bytes");
        assert!(each < 40 * 1024, "{what}: {each} bytes");
    }
}

fn resident_kib(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
