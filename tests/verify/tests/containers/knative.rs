//! What Knative does to a container: probes, headers, little memory, the end under load.

use std::{
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    contract::{SECRET, token},
    even_load::EvenLoad,
    raw::{self, Connection, head},
    service::Service,
    wait,
};

use crate::container;

fn validate(variables: &[(&str, &str)]) -> Service {
    let all = [("JWT_SECRET", SECRET), ("K_SERVICE", "validate"), ("K_REVISION", "validate-1")];
    let all = all.iter().chain(variables).map(|(key, value)| ((*key).into(), (*value).into()));
    container::start("validate", &["--memory=64m"], all.collect())
}

fn request(headers: &str) -> String {
    let bearer = token("ada@example.com", false);
    head("GET /validate", &format!("Authorization: Bearer {bearer}\r\n{headers}"))
}

/// queue-proxy gives a probe 100 ms where none says otherwise. Its headers and the activator's change
/// nothing; the peer is always 127.0.0.1.
#[test]
#[ignore = "needs the images: make verify"]
fn a_cold_start_ends_with_an_answer_probes_are_answered_and_queue_proxy_s_headers_mean_nothing() {
    const ID: &str = "5b5a1c1e-3f0c-4a5e-8f9a-0c1a5b3a4f10";
    let since = Instant::now();
    let service = validate(&[]);
    let exchange = |request: &str| Connection::to(&service).exchange(request).expect("an answer");
    assert_eq!(exchange(&request("")).status, 200);
    println!("container, start to first answer: {} ms", since.elapsed().as_millis());
    for path in ["GET /readyz", "GET /healthz"] {
        let answer = exchange(&head(path, "User-Agent: kube-probe//\r\nConnection: close\r\n"));
        assert_eq!((answer.status, answer.is_last()), (200, true), "{path}");
    }
    let headers = format!(
        "X-Request-Id: {ID}\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\nX-Forwarded-Proto: http\r\n\
         Forwarded: for=192.0.2.1;proto=http\r\nK-Proxy-Request: activator\r\n\
         X-Envoy-Original-Host: auth.example\r\ntraceparent: \
         00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    );
    assert_eq!(exchange(&request(&headers)).status, 200);
    wait::until("the request's id in the log", Duration::from_secs(5), || {
        service.log().contains(ID).then_some(())
    });
}

/// 500 requests a second in 64 MiB, and SIGTERM in the middle.
#[test]
#[ignore = "needs the images: make verify"]
fn it_ends_under_load_without_a_loss() {
    let mut service = validate(&[("DRAIN_SECONDS", "1"), ("RUST_LOG", "warn")]);
    let clients = EvenLoad::start(raw::address(&service), &request(""));
    thread::sleep(Duration::from_millis(500));
    let status = service.process().terminate(Duration::from_secs(20));
    let counts = clients.until_refused();
    assert!(status.success(), "{status}: {}", service.log());
    assert!(counts.lost <= 1 && counts.answered > 300, "{counts:?}");
}

/// As many connections as the container has file descriptors for, and answers on each.
#[test]
#[ignore = "needs the images: make verify"]
fn hundreds_of_connections_fit_into_64_mib() {
    let mut service = validate(&[("RUST_LOG", "warn")]);
    let mut connections: Vec<_> = (0..900).map(|_| Connection::to(&service)).collect();
    for connection in &mut connections {
        assert_eq!(connection.exchange(request("")).expect("an answer").status, 200);
    }
    assert!(service.process().ended().is_none());
}
