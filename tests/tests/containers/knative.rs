//! What Knative does to a container: probes, headers, little memory, the end under load.

use std::{
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    Environment, container,
    contract::{SECRET, token},
    even_load::EvenLoad,
    raw::{self, Connection, head},
    service::Service,
    wait,
};

const SECOND: Duration = Duration::from_secs(1);

fn validate(variables: &[(&str, &str)]) -> Service {
    let all = [("JWT_SECRET", SECRET), ("K_SERVICE", "validate"), ("K_REVISION", "validate-1")];
    let all = all.iter().chain(variables);
    let variables: Environment = all.map(|(key, value)| ((*key).into(), (*value).into())).collect();
    container::start("validate", &["--memory=64m"], variables)
}

fn bearer() -> String {
    format!("Authorization: Bearer {}\r\n", token("ada@example.com", false))
}

#[test]
#[ignore = "needs the images: make test"]
fn a_cold_start_ends_with_an_answer() {
    let since = Instant::now();
    let service = validate(&[]);
    let answer = Connection::to(&service).exchange(head("GET /validate", &bearer()));
    let elapsed = since.elapsed();
    assert_eq!(answer.expect("an answer").status, 200);
    println!("container, start to first answer: {} ms", elapsed.as_millis());
}

/// queue-proxy's and the activator's; the peer is always 127.0.0.1.
#[test]
#[ignore = "needs the images: make test"]
fn headers_that_queue_proxy_adds_change_nothing() {
    let headers = format!(
        "{}X-Request-Id: 5b5a1c1e-3f0c-4a5e-8f9a-0c1a5b3a4f10\r\nX-Forwarded-For: 192.0.2.1, \
         10.0.0.1\r\nX-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;proto=http\r\n\
         K-Proxy-Request: activator\r\nX-Envoy-Original-Host: auth.example\r\ntraceparent: \
         00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
        bearer()
    );
    let service = validate(&[]);
    let answer = Connection::to(&service).exchange(head("GET /validate", &headers));
    assert_eq!(answer.expect("an answer").status, 200);
    wait::until("the request's id in the log", Duration::from_secs(5), || {
        service.log().contains("5b5a1c1e-3f0c-4a5e-8f9a-0c1a5b3a4f10").then_some(())
    });
}

/// queue-proxy gives a probe 100 ms where none says otherwise.
#[test]
#[ignore = "needs the images: make test"]
fn probes_are_answered() {
    let service = validate(&[]);
    for path in ["/readyz", "/healthz"] {
        let probe =
            head(&format!("GET {path}"), "User-Agent: kube-probe//\r\nConnection: close\r\n");
        let answer = Connection::to(&service).exchange(&probe).expect("an answer");
        assert_eq!((answer.status, answer.is_last()), (200, true), "{path}");
    }
}

/// 500 requests a second in 64 MiB, and SIGTERM in the middle.
#[test]
#[ignore = "needs the images: make test"]
fn it_ends_under_load_without_a_loss() {
    let mut service = validate(&[("DRAIN_SECONDS", "1"), ("RUST_LOG", "warn")]);
    let clients = EvenLoad::start(raw::address(&service), &head("GET /validate", &bearer()));
    thread::sleep(Duration::from_millis(500));
    let status = service.process().terminate(20 * SECOND);
    let counts = clients.until_refused();
    assert!(status.success(), "{status}: {}", service.log());
    assert!(counts.lost <= 1 && counts.answered > 300, "{counts:?}");
}

/// As many connections as the container has file descriptors for, and answers on each.
#[test]
#[ignore = "needs the images: make test"]
fn hundreds_of_connections_fit_into_64_mib() {
    let mut service = validate(&[("RUST_LOG", "warn")]);
    let request = head("GET /validate", &bearer());
    let mut connections: Vec<_> = (0..900).map(|_| Connection::to(&service)).collect();
    for connection in &mut connections {
        assert_eq!(connection.exchange(&request).expect("an answer").status, 200);
    }
    assert!(service.process().ended().is_none());
}
