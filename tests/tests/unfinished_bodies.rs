//! Bodies that are announced and never sent, behind Knative's queue-proxy.

use std::time::Duration;

use system_tests::{
    Environment,
    contract::token,
    gateway::Gateway,
    raw::{Connection, head},
    service::Service,
    wait,
};

/// `tests/tests/limits/` has the same without a proxy. Our revision templates ask for full duplex:
/// `k8s-knative/base`. Lambda has no body to wait for: it invokes a function once a request is whole.
#[test]
#[ignore = "needs Caddy: make test"]
fn an_answer_does_not_wait_for_a_body_behind_queue_proxy_where_full_duplex_is_asked_for() {
    let validate = Service::start("validate", Environment::new());
    let bearer = format!("Authorization: Bearer {}\r\n", token("ada@example.com", false));
    let request = head("POST /validate", &format!("{bearer}Content-Length: 100\r\n"));
    for option in ["enable_full_duplex", ""] {
        let port = wait::free_port();
        let replacements = [
            ("enable_full_duplex", option.to_owned()),
            ("8000", port.to_string()),
            ("8081", validate.port.to_string()),
        ];
        let proxy = Gateway::start("caddy", "tests/data/queue-proxy", &replacements, port);
        let mut connection = Connection::open(proxy.port).expect("it listens");
        connection.send(&request).expect("a connection");
        if option.is_empty() {
            assert!(connection.is_silent(Duration::from_secs(2)), "it is not needed any more");
        } else {
            connection.wait_up_to(Duration::from_secs(2));
            assert_eq!(connection.answer().expect("an answer").status, 200);
        }
    }
}
