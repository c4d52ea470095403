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

#[test]
fn one_connection_more_than_there_may_be_waits_until_another_one_ends() {
    let service = Service::start("validate", with_key(&[("MAX_CONNECTIONS", "3")]));
    let mut open: Vec<_> = (0..3).map(|_| kept(&service)).collect();
    for _ in 0..2 {
        let mut next = Connection::to(&service);
        next.send(head("GET /", "")).unwrap();
        assert!(next.is_silent(Duration::from_millis(300)), "the fourth");
        // Those who are in are served.
        assert_eq!(open[1].exchange(head("GET /", "")).unwrap().status, 401);
        drop(open.remove(0));
        assert_eq!(next.answer().unwrap().status, 401);
        open.push(next);
    }
    drop(open);
    // Free again, and taken again.
    let mut open: Vec<_> = (0..3).map(|_| kept(&service)).collect();
    let mut next = Connection::to(&service);
    next.send(head("GET /", "")).unwrap();
    assert!(next.is_silent(Duration::from_millis(300)), "the fourth");
    open.clear();
    assert_eq!(next.answer().unwrap().status, 401);
    let (status, log) = service.terminate();
    assert!(status.success());
    assert_eq!(log.matches("no connection is accepted until another one ends").count(), 1, "{log}");
}

#[tokio::test]
async fn connections_never_take_the_file_descriptors_of_the_database() {
    let (_folder, variables) = login_variables().await;
    let service = Service::start_by_shell("login", "ulimit -n 100; exec \"$0\"", variables);
    let mut open: Vec<_> = (0..36).map(|_| kept(&service)).collect();
    let mut waiting = Connection::to(&service);
    waiting.send(head("POST /", "")).unwrap();
    assert!(waiting.is_silent(Duration::from_millis(300)), "only 36 fit");
    let login = head("POST /login", &format!("Authorization: {}\r\n", basic(USER.0, USER.1)));
    assert_eq!(open[0].exchange(login).unwrap().status, 200);
    drop(open);
    assert_eq!(waiting.answer().unwrap().status, 401);
    let log = service.log();
    let said = r#""max_connections":36,"configured":10000,"descriptors":100"#;
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
