//! What the log says, and what it never says.

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{SECRET, token},
    mariadb,
    service::Service,
    stores::{self, Sqlite},
};

const EMAIL: &str = "canary-email@example.com";
const PASSWORD: &str = "canary-password";

fn trace(mut variables: Environment) -> Environment {
    variables.insert("RUST_LOG".into(), "trace".into());
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables
}

/// Sends everything that must not be logged, and gives the log.
fn provoke(login: Environment) -> String {
    let login = Service::start("login", trace(login));
    let validate = Service::start("validate", trace(Environment::new()));
    let post = |service: &Service, path: &str| {
        let request = service.request("POST", path).header("x-canary", "canary-header");
        request.body("canary-body")
    };
    let issued = post(&login, "/login?canary-query").basic(EMAIL, PASSWORD).send();
    assert_eq!(issued.status, 200);
    assert_eq!(post(&login, "/login").basic(EMAIL, "canary-wrong").send().status, 401);
    assert_eq!(post(&login, "/login").basic("canary-nobody", "canary").send().status, 401);
    let header = post(&login, "/login").header("authorization", "Basic canary-header");
    assert_eq!(header.send().status, 401);
    assert_eq!(post(&validate, "/validate").bearer(issued.text()).send().status, 200);
    let foreign = format!("{}canary", token(EMAIL, false));
    assert_eq!(post(&validate, "/validate").bearer(&foreign).send().status, 403);

    let secrets = [issued.text().to_owned(), SECRET.to_owned()];
    let log = [login, validate].map(|service| service.terminate().1).concat();
    for secret in secrets {
        assert!(!log.contains(&secret), "{log}");
    }
    log
}

/// No canary, nor what Base64 makes of one.
fn assert_silent(log: &str) {
    for canary in ["canary", "Y2FuYXJ5", "NhbmFye", "jYW5hcn"] {
        assert!(!log.contains(canary), "{canary} is in the log: {log}");
    }
    assert!(log.contains("authn_login_success"), "there is a log: {log}");
}

#[tokio::test]
async fn no_credential_is_logged_even_at_trace() {
    assert_silent(&provoke(Sqlite::with(&[(EMAIL, PASSWORD)]).await.variables()));
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn no_credential_is_logged_even_at_trace_with_mariadb() {
    let server = mariadb::shared();
    stores::add(&stores::open(&server.root_variables(), 1).await, &[(EMAIL, PASSWORD)]).await;
    let log = provoke(server.login_variables());
    assert_silent(&log);
    assert!(!log.contains(&server.login_variables()["MYSQL_PASSWORD"]));
}

#[test]
fn a_request_leaves_one_json_line() {
    let key = ("JWT_SECRET".to_owned(), SECRET.to_owned());
    let validate = Service::start("validate", [key].into());
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    let request = validate.request("PUT", "/validate/orders?secret=1");
    let _ =
        request.header("authorization", bearer).header("x-request-id", "id-of-the-gateway").send();
    let _ = validate.request("GET", "/").header("authorization", "Bearer x").send();
    let (status, log) = validate.terminate();
    assert!(status.success());
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let requests: Vec<Value> = lines.filter(|line: &Value| line["message"] == "request").collect();
    let [good, bad] = &requests[..] else { panic!("{log}") };
    assert_eq!((&good["method"], &good["path"]), (&"PUT".into(), &"/validate/orders".into()));
    assert_eq!((&good["status"], &good["outcome"]), (&200.into(), &"authn_token_verified".into()));
    assert_eq!(good["request_id"], "id-of-the-gateway");
    assert!(good["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!((&bad["outcome"], &bad["reason"]), (&"authz_fail".into(), &"malformed".into()));
}

#[test]
fn every_good_token_has_left_a_whole_line_when_the_process_ends() {
    let key = ("JWT_SECRET".to_owned(), SECRET.to_owned());
    let validate = Service::start("validate", [key].into());
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let request = validate.request("GET", "/validate");
                    assert_eq!(request.header("authorization", &bearer).send().status, 200);
                }
            });
        }
    });
    let (_, log) = validate.terminate();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("one line"));
    assert_eq!(lines.filter(|line| line["outcome"] == "authn_token_verified").count(), 200);
}
