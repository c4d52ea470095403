//! Metrics are on their own port, and nothing else is.

use std::{net::SocketAddr, time::Duration};

use system_tests::{
    contract::{SECRET, USER, token},
    raw::{Connection, head},
    scratch,
    service::Service,
    wait,
};

use system_tests::measured::{Measured, environment, login_variables};

#[tokio::test]
async fn neither_port_has_the_paths_of_the_other() {
    let folder = scratch::directory();
    let login = Measured::start("login", login_variables(folder.path()).await);
    let validate = Measured::start("validate", environment(&[("JWT_SECRET", SECRET)]));
    for function in [&login, &validate] {
        assert_eq!(function.service.request("GET", "/metrics").send().status, 404);
        for path in ["/", "/login", "/validate", "/healthz", "/readyz", "/metrics/", "/x/metrics"] {
            assert_eq!(function.ask("GET", path).status, 404, "{path}");
        }
        let post = function.ask("POST", "/metrics");
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
        assert_eq!(function.ask("HEAD", "/metrics").status, 200);
    }
}

#[test]
fn only_with_the_variable_somebody_listens_for_metrics() {
    let variables = environment(&[("JWT_SECRET", SECRET)]);
    let without = Service::start("validate", variables.clone());
    let with = Measured::start("validate", variables);
    let listens = |service: &Service| service.log().contains("listening for metrics");
    assert_eq!((listens(&without), listens(&with.service)), (false, true));
}

#[test]
fn heads_and_connections_are_bounded_and_a_slow_scrape_keeps_no_request_waiting() {
    let validate = Measured::start("validate", environment(&[("JWT_SECRET", SECRET)]));
    let address = SocketAddr::from(([127, 0, 0, 1], validate.port));
    let long = head("GET /metrics", &format!("X: {}\r\n", "x".repeat(17_000)));
    let mut connection = Connection::open(address).expect("it listens");
    assert_eq!(connection.exchange(long).expect("an answer").status, 431);
    drop(connection);

    let request = head("GET /metrics", "");
    let mut kept: Vec<Connection> =
        (0..16).map(|_| Connection::open(address).expect("it listens")).collect();
    for connection in &mut kept {
        assert_eq!(connection.exchange(&request).expect("an answer").status, 200);
    }
    let mut next = Connection::open(address).expect("the system queues it");
    next.send(&request).expect("the system buffers it");
    assert!(next.is_silent(Duration::from_millis(500)), "a seventeenth connection");
    // Requests have places of their own.
    assert_eq!(validate.service.request("GET", "/").send().status, 401);
    kept.pop();
    assert_eq!(next.answer().expect("its turn").status, 200);
}

#[test]
fn metrics_are_there_while_the_function_drains_and_count_what_it_does_then() {
    let variables = environment(&[("JWT_SECRET", SECRET), ("DRAIN_SECONDS", "3")]);
    let mut validate = Measured::start("validate", variables);
    validate.service.process().signal_terminate();
    wait::until("it drains", Duration::from_secs(2), || {
        (validate.service.request("GET", "/readyz").send().status != 200).then_some(())
    });
    let token = token("ada@example.com", false);
    assert_eq!(validate.service.request("GET", "/").bearer(&token).send().status, 200);
    let verified = validate.get("validate_total{outcome=\"authn_token_verified\"}");
    assert_eq!(verified, Some(1.0));
    let status = validate.service.process().wait(Duration::from_secs(10));
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn nothing_of_a_request_or_of_a_secret_is_in_them() {
    let folder = scratch::directory();
    let mut variables = login_variables(folder.path()).await;
    variables.insert("JWT_SECRET".into(), "canary in a mine of coal, 1234 feet below".into());
    let login = Measured::start("login", variables);
    let post = |path| login.service.request("POST", path);
    let logged_in = post("/login").basic(USER.0, USER.1).header("x-request-id", "canary").send();
    assert_eq!(logged_in.status, 200);
    assert_eq!(post("/login").basic("canary@example.com", "canary").send().status, 401);
    assert_eq!(post("/canary?canary=1").header("user-agent", "canary").send().status, 404);
    let text = login.metrics().0;
    for part in ["canary", "Ada", "ada", "@", "127.0.0.1", logged_in.text()] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}
