//! With Knative: one host for both functions. A real nginx uses `k8s-knative/one-host/nginx.conf`
//! with changed addresses only. A second nginx imitates Knative's ingress behind it, and Caddy
//! imitates queue-proxy.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Answer, Connection, Environment, Request, SECRET, Service, Sqlite, USER, basic,
    contract::{check, repeats_authorization},
    environment,
    gateway::Gateway,
    head, run_python, start_both, token, wait, workspace,
};

/// Starts the nginx of `k8s-knative/one-host` and the ingress behind it.
fn start([login, validate]: &[Service; 2]) -> [Gateway; 2] {
    let [port, ingress_port] = [(); 2].map(|()| wait::free_port());
    let replacements = [
        ("8000", ingress_port.to_string()),
        ("8081", login.port.to_string()),
        ("8082", validate.port.to_string()),
    ];
    let ingress =
        Gateway::start("nginx", "tests/data/knative-ingress", &replacements, ingress_port);
    let replacements = [
        (
            "kourier-internal.kourier-system.svc.cluster.local:80",
            format!("127.0.0.1:{ingress_port}"),
        ),
        ("listen 8080", format!("listen 127.0.0.1:{port}")),
    ];
    [Gateway::start("nginx", "k8s-knative/one-host", &replacements, port), ingress]
}

/// Whether this host passes a request on: not those for the root of a function, and not those with
/// a repeated header, to which nginx answers 400 itself.
fn is_passed_on(function: &str, request: &Request) -> bool {
    let is_below = match function {
        "login" => request.url == "/login",
        _ => request.url == "/validate" || request.url.starts_with("/validate/"),
    };
    is_below && !repeats_authorization(request)
}

#[tokio::test]
#[ignore = "needs nginx and PyJWT: make test"]
async fn one_host_serves_both_functions_and_the_gateway_of_the_flask_service() {
    let store = Sqlite::with(&[("demo@example.com", "correct horse battery staple")]).await;
    let functions = start_both(store.variables());
    let [host, _ingress] = start(&functions);

    let base_url = format!("http://127.0.0.1:{}", host.port);
    check(|_, request| request.clone().to(host.port).send(), is_passed_on);
    for path in ["/", "/healthz", "/readyz", "/validated", "/login/", "/.well-known/../healthz"] {
        assert_eq!(host.request("GET", path).send().status, 404, "{path}");
    }
    assert_eq!(host.request("GET", "/.well-known/jwks.json").send().status, 200);

    answers_do_not_wait_for_bodies(&host);

    // A 503 of queue-proxy gets a `Retry-After`.
    let request = host.request("POST", "/login").header("user-agent", "pending request queue full");
    let answer = request.send();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    let answer = host.request("POST", "/login").send();
    assert_eq!((answer.status, answer.header("retry-after")), (401, None));

    let map = fs::read_to_string(workspace().join("examples/gateways/flask/configmap.yaml"));
    let map: Value = serde_saphyr::from_str(&map.expect("a file")).expect("YAML");
    // The cluster's host name does not resolve here, so the host is used as an HTTP proxy.
    let variables = environment(&[
        ("AUTH_SVC_ADDRESS", map["data"]["AUTH_SVC_ADDRESS"].as_str().expect("an address")),
        ("http_proxy", &base_url),
        ("JWT_SECRET", SECRET),
    ]);
    let checked = run_python("flask_gateway.py", &variables);
    assert!(checked.status.success(), "{}", checked.stderr);
}

fn answers_do_not_wait_for_bodies(host: &Gateway) {
    let bearer = format!("Bearer {}", token(USER.0, false));
    for (path, credentials) in [("/login", basic(USER.0, USER.1)), ("/validate", bearer)] {
        for (length, body) in [
            ("Content-Length: 100", String::new()),
            ("Transfer-Encoding: chunked", String::new()),
            ("Content-Length: 2000000", "x".repeat(2_000_000)),
        ] {
            let headers = format!("Authorization: {credentials}\r\n{length}\r\n");
            let request = head(&format!("POST {path}"), &headers) + &body;
            assert_eq!(exchange_within_2_s(host, &request).status, 200, "{path}: {length}");
        }
    }
}

fn exchange_within_2_s(gateway: &Gateway, request: &str) -> Answer {
    let mut connection = Connection::open(gateway.port).expect("it listens");
    connection.set_timeout(Duration::from_secs(2));
    connection.exchange(request).expect("an answer")
}

/// Our revision templates enable it; otherwise queue-proxy waits for the body.
#[test]
#[ignore = "needs Caddy: make test"]
fn behind_queue_proxy_an_answer_does_not_wait_for_a_body_if_full_duplex_is_enabled() {
    let validate = Service::start("validate", Environment::new());
    let bearer = format!("Authorization: Bearer {}\r\n", token(USER.0, false));
    let request = head("POST /validate", &format!("{bearer}Content-Length: 100\r\n"));
    for option in ["enable_full_duplex", ""] {
        let port = wait::free_port();
        let replacements = [
            ("enable_full_duplex", option.to_owned()),
            ("8000", port.to_string()),
            ("8081", validate.port.to_string()),
        ];
        let proxy = Gateway::start("caddy", "tests/data/queue-proxy", &replacements, port);
        if option.is_empty() {
            let mut connection = Connection::open(proxy.port).expect("it listens");
            connection.send(&request).expect("a connection");
            assert!(connection.is_silent(Duration::from_secs(2)), "the option has no effect");
        } else {
            assert_eq!(exchange_within_2_s(&proxy, &request).status, 200);
        }
    }
}
