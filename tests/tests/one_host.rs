//! One host for both functions: `k8s-knative/one-host/nginx.conf`, with real nginx. The two hosts
//! of Knative are the functions themselves here, and nothing else in the file is changed.

use std::{fs, path::Path};

use serde_json::Value;
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{
        ContractRequest, Door, Row, SECRET, add_users, check, hash, login_rows, validate_rows,
    },
    gateway::{Gateway, Program},
    http::Answer,
    http_door::HttpDoor,
    python, scratch, wait, workspace,
};

struct OneHost(Gateway);

impl OneHost {
    fn start(functions: &HttpDoor, folder: &Path) -> Self {
        let port = wait::free_port();
        let address = |url: String| url.replace("http://", "");
        let places = [
            ("login.auth.svc.cluster.local:80", address(functions.login.url(""))),
            ("validate.auth.svc.cluster.local:80", address(functions.validate.url(""))),
            ("listen 8080", format!("listen 127.0.0.1:{port}")),
        ];
        Self(Gateway::start(Program::Nginx, "k8s-knative/one-host", folder, &places, port))
    }
}

impl Door for OneHost {
    fn send(&self, _: &str, request: &ContractRequest) -> Answer {
        let headers = request.headers.iter();
        let sent = self.0.request(request.method, request.path);
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
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("a file");
    add_users(&users).await;
    let password = hash("correct horse battery staple").await;
    let demo = NewUser { email: "demo@example.com".into(), hash: password, admin: false };
    users.add(&[demo]).await.expect("a new user");
    let database = [("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into();
    let functions = HttpDoor::start(database);
    let host = OneHost::start(&functions, folder.path());

    for (function, rows) in [("login", login_rows()), ("validate", validate_rows())] {
        let rows: Vec<Row> = rows.into_iter().filter(|row| is_passed(function, row)).collect();
        assert!(rows.len() > 10, "{function}");
        check(&host, function, &rows);
    }
    for path in ["/", "/healthz", "/readyz", "/validated", "/login/", "/.well-known/../healthz"] {
        assert_eq!(host.0.request("GET", path).send().status, 404, "{path}");
    }
    assert_eq!(host.0.request("GET", "/.well-known/jwks.json").send().status, 200);

    // The name of the cluster is nobody's here, so that one host is reached as a proxy.
    let variables = Environment::from([
        ("AUTH_SVC_ADDRESS".into(), flask_address()),
        ("http_proxy".into(), format!("http://{}", host.0.address())),
        ("JWT_SECRET".into(), SECRET.into()),
    ]);
    let checked = python::run("flask_gateway.py", &variables);
    assert!(checked.status.success(), "{}", checked.stderr);
}
