//! One host for both functions: `k8s-knative/one-host/nginx.conf`, with real nginx, in which nothing
//! is changed but addresses. Another nginx stands for Knative's ingress behind it.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{ContractRequest, Door, Row, SECRET, USER, add_users, check, token},
    gateway::{Gateway, Program},
    http::{Answer, basic},
    http_door::HttpDoor,
    python,
    raw::{Connection, address, head},
    scratch,
    service::Service,
    stores::Sqlite,
    wait, workspace,
};
use tempfile::TempDir;

struct OneHost {
    nginx: Gateway,
    _ingress: Gateway,
    _folders: [TempDir; 2],
}

impl OneHost {
    fn start(functions: &HttpDoor) -> Self {
        let folders = [(); 2].map(|()| scratch::directory());
        let [port, ingress_port] = [(); 2].map(|()| wait::free_port());
        let port_of = |service: &Service| address(service).port().to_string();
        let places = [
            ("8000", ingress_port.to_string()),
            ("8081", port_of(&functions.login)),
            ("8082", port_of(&functions.validate)),
        ];
        let configuration = "tests/data/knative-ingress";
        let ingress = folders[0].path();
        let ingress = Gateway::start(Program::Nginx, configuration, ingress, &places, ingress_port);
        let places = [
            ("kourier-internal.kourier-system.svc.cluster.local:80", ingress.address().to_string()),
            ("listen 8080", format!("listen 127.0.0.1:{port}")),
        ];
        let folder = folders[1].path();
        let nginx = Gateway::start(Program::Nginx, "k8s-knative/one-host", folder, &places, port);
        Self { nginx, _ingress: ingress, _folders: folders }
    }

    /// The status of the answer, which comes within 2 s.
    fn exchange(&self, request: &str) -> u16 {
        let mut connection = Connection::open(self.nginx.address()).expect("it listens");
        connection.wait_up_to(Duration::from_secs(2));
        connection.exchange(request).expect("an answer").status
    }
}

impl Door for OneHost {
    fn send(&self, _: &str, request: &ContractRequest) -> Answer {
        let headers = request.headers.iter();
        let sent = self.nginx.request(request.method, request.path);
        headers.fold(sent, |sent, (name, value)| sent.header(name, value)).send()
    }
}

/// What this host passes on: the root of each function is not among it. To a doubled header nginx
/// answers 400 itself.
fn is_passed(function: &str, row: &Row) -> bool {
    let below = row.request.path.strip_prefix(&format!("/{function}"));
    let is_passed =
        |below: &str| below.is_empty() || (function == "validate" && below.starts_with('/'));
    below.is_some_and(is_passed) && !row.is_doubled()
}

/// What `examples/gateways/flask` tells the gateway of the Flask service.
fn flask_address() -> String {
    let file = workspace().join("examples/gateways/flask/configmap.yaml");
    let text = fs::read_to_string(file).expect("a file");
    let map: Value = serde_saphyr::from_str(&text).expect("YAML");
    map["data"]["AUTH_SVC_ADDRESS"].as_str().expect("an address").into()
}

#[tokio::test]
#[ignore = "needs nginx and PyJWT: make test"]
async fn one_host_serves_both_functions_and_the_gateway_of_the_flask_service() {
    let store = Sqlite::with(&[("demo@example.com", "correct horse battery staple")]).await;
    add_users(&store.users).await;
    let functions = HttpDoor::start(store.variables());
    let host = OneHost::start(&functions);

    check(&host, is_passed);
    for path in ["/", "/healthz", "/readyz", "/validated", "/login/", "/.well-known/../healthz"] {
        assert_eq!(host.nginx.request("GET", path).send().status, 404, "{path}");
    }
    assert_eq!(host.nginx.request("GET", "/.well-known/jwks.json").send().status, 200);

    bodies_are_not_waited_for(&host);
    a_503_of_queue_proxy_says_when_to_come_again(&host);

    // The name of the cluster is nobody's here, so that one host is reached as a proxy.
    let variables = Environment::from([
        ("AUTH_SVC_ADDRESS".into(), flask_address()),
        ("http_proxy".into(), format!("http://{}", host.nginx.address())),
        ("JWT_SECRET".into(), SECRET.into()),
    ]);
    let checked = python::run("flask_gateway.py", &variables);
    assert!(checked.status.success(), "{}", checked.stderr);
}

fn bodies_are_not_waited_for(host: &OneHost) {
    let (email, password) = USER;
    let bearer = format!("Bearer {}", token(email, false));
    for (path, credentials) in [("/login", basic(email, password)), ("/validate", bearer)] {
        for (length, body) in [
            ("Content-Length: 100", String::new()),
            ("Transfer-Encoding: chunked", String::new()),
            ("Content-Length: 2000000", "x".repeat(2_000_000)),
        ] {
            let headers = format!("Authorization: {credentials}\r\n{length}\r\n");
            let request = head(&format!("POST {path}"), &headers) + &body;
            assert_eq!(host.exchange(&request), 200, "{path}: {length}");
        }
    }
}

fn a_503_of_queue_proxy_says_when_to_come_again(host: &OneHost) {
    let request = host.nginx.request("POST", "/login");
    let answer = request.header("user-agent", "pending request queue full").send();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    let answer = host.nginx.request("POST", "/login").send();
    assert_eq!((answer.status, answer.header("retry-after")), (401, None));
}
