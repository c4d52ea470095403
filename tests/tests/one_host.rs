//! One host for both functions: `k8s-knative/one-host/nginx.conf`, with real nginx. The two hosts
//! of Knative are the functions themselves here, and nothing else in the file is changed.

use std::{fs, path::Path, time::Duration};

use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{
        ContractRequest, Door, Row, SECRET, add_users, check, hash, login_rows, validate_rows,
    },
    http::{Answer, Request},
    http_door::HttpDoor,
    process::{Process, command},
    python, scratch, wait, workspace,
};

struct OneHost {
    _nginx: Process,
    address: String,
}

impl OneHost {
    fn start(functions: &HttpDoor, folder: &Path) -> Self {
        let port = wait::free_port();
        let mut text = fs::read_to_string(workspace().join("k8s-knative/one-host/nginx.conf"))
            .expect("a file");
        let address = |url: String| url.replace("http://", "");
        for (place, real) in [
            ("server login.auth.svc.cluster.local:80", address(functions.login.url(""))),
            ("server validate.auth.svc.cluster.local:80", address(functions.validate.url(""))),
        ] {
            assert_eq!(text.matches(place).count(), 1, "{place}");
            text = text.replace(place, &format!("server {real}"));
        }
        text = text.replace("listen 8080", &format!("listen 127.0.0.1:{port}"));
        text = text.replace("/tmp/", &format!("{}/", folder.display()));
        let file = folder.join("nginx.conf");
        fs::write(&file, text).expect("scratch can be written");
        let program = workspace().join("target/tools/nginx/usr/sbin/nginx");
        let mut nginx = command(program, &Environment::new());
        nginx.arg("-c").arg(file).args(["-e", "stderr", "-g", "daemon off;"]);
        let nginx = Process::start("nginx", nginx);
        wait::until("nginx", Duration::from_secs(10), || wait::accepts(port).then_some(()));
        Self { _nginx: nginx, address: format!("127.0.0.1:{port}") }
    }

    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("http://{}{path}", self.address))
    }
}

impl Door for OneHost {
    fn send(&self, _: &str, request: &ContractRequest) -> Answer {
        let headers = request.headers.iter();
        let sent = self.request(request.method, request.path);
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
        assert_eq!(host.request("GET", path).send().status, 404, "{path}");
    }
    assert_eq!(host.request("GET", "/.well-known/jwks.json").send().status, 200);

    let variables = Environment::from([
        ("AUTH_SVC_ADDRESS".into(), host.address.clone()),
        ("JWT_SECRET".into(), SECRET.into()),
    ]);
    let checked = python::run("flask_gateway.py", &variables);
    assert!(checked.status.success(), "{}", checked.stderr);
}
