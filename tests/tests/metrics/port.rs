//! Metrics are on their own port, and nothing else is.

use std::time::Duration;

use system_tests::{
    Environment,
    contract::token,
    environment,
    raw::{Connection, head},
    service::Service,
    stores::Sqlite,
    wait,
};

#[tokio::test]
async fn neither_port_has_the_paths_of_the_other() {
    let store = Sqlite::of_contract().await;
    let login = Service::start_measured("login", store.variables());
    let validate = Service::start_measured("validate", Environment::new());
    for function in [&login, &validate] {
        assert_eq!(function.request("GET", "/metrics").send().status, 404);
        for path in ["/", "/login", "/validate", "/healthz", "/readyz", "/metrics/", "/x/metrics"] {
            assert_eq!(function.ask_metrics("GET", path).status, 404, "{path}");
        }
        let post = function.ask_metrics("POST", "/metrics");
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
        assert_eq!(function.ask_metrics("HEAD", "/metrics").status, 200);
    }
    let without = Service::start("validate", Environment::new());
    let listens = |service: &Service| service.log().contains("listening for metrics");
    assert!(listens(&validate) && !listens(&without), "only with METRICS_PORT");
}

#[test]
fn heads_and_connections_are_bounded_and_a_slow_scrape_keeps_no_request_waiting() {
    let validate = Service::start_measured("validate", Environment::new());
    let open = || Connection::open(validate.metrics_port).expect("it listens");
    let long = head("GET /metrics", &format!("X: {}\r\n", "x".repeat(17_000)));
    assert_eq!(open().exchange(long).expect("an answer").status, 431);

    let request = head("GET /metrics", "");
    let mut kept: Vec<Connection> = (0..16).map(|_| open()).collect();
    for connection in &mut kept {
        assert_eq!(connection.exchange(&request).expect("an answer").status, 200);
    }
    let mut next = open();
    next.send(&request).expect("the system buffers it");
    assert!(next.is_silent(Duration::from_millis(500)), "a seventeenth connection");
    // Requests have a limit of their own.
    assert_eq!(validate.request("GET", "/").send().status, 401);
    kept.pop();
    assert_eq!(next.answer().expect("its turn").status, 200);
}

#[test]
fn metrics_are_there_while_the_function_drains_and_count_what_it_does_then() {
    let mut validate = Service::start_measured("validate", environment(&[("DRAIN_SECONDS", "2")]));
    validate.process.signal_terminate();
    wait::until("it drains", Duration::from_secs(1), || {
        (validate.request("GET", "/readyz").send().status != 200).then_some(())
    });
    let token = token("ada@example.com", false);
    assert_eq!(validate.request("GET", "/").bearer(&token).send().status, 200);
    let verified = validate.get("validate_total{outcome=\"authn_token_verified\"}");
    assert_eq!(verified, Some(1.0));
    let status = validate.process.wait(Duration::from_secs(10));
    assert!(status.success(), "{status}");
}
