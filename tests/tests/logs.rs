//! What the log says, and what it never says.

use std::time::Duration;

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{SECRET, token},
    environment, mariadb,
    process::output,
    service::{Service, shell},
    stores, with,
};

const EMAIL: &str = "canary-email@example.com";
const PASSWORD: &str = "canary-password";
const TRACE: [(&str, &str); 1] = [("RUST_LOG", "trace")];

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn no_credential_is_logged_even_at_trace() {
    let server = mariadb::shared();
    let users = stores::new_users(&[(EMAIL, PASSWORD)]).await;
    stores::open(&server.root_variables(), 1).await.add(&users).await.expect("the user is new");
    let database = server.login_variables();
    let login = Service::start("login", with(database.clone(), &TRACE));
    let validate = Service::start("validate", environment(&TRACE));
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

    let log = [login, validate].map(|service| service.terminate().1).concat();
    // What Base64 makes of a canary as well.
    let canaries = ["canary", "Y2FuYXJ5", "NhbmFye", "jYW5hcn"];
    for secret in [&canaries[..], &[SECRET, issued.text(), &database["MYSQL_PASSWORD"]]].concat() {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    assert!(log.contains("authn_login_success"), "there is a log: {log}");
}

#[test]
fn a_request_leaves_one_json_line_and_a_good_token_is_no_exception() {
    let validate = Service::start("validate", Environment::new());
    let good = token("ada@example.com", false);
    let request = validate.request("PUT", "/validate/orders?secret=1").bearer(&good);
    let _ = request.header("x-request-id", "id-of-the-gateway").send();
    let _ = validate.request("GET", "/").bearer("x").send();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let request = validate.request("GET", "/validate");
                    assert_eq!(request.bearer(&good).send().status, 200);
                }
            });
        }
    });
    let (status, log) = validate.terminate();
    assert!(status.success());
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("one document a line"));
    let requests: Vec<Value> = lines.filter(|line: &Value| line["message"] == "request").collect();
    let [good, bad, ..] = &requests[..] else { panic!("{log}") };
    assert_eq!((&good["method"], &good["path"]), (&"PUT".into(), &"/validate/orders".into()));
    assert_eq!((&good["status"], &good["outcome"]), (&200.into(), &"authn_token_verified".into()));
    assert_eq!(good["request_id"], "id-of-the-gateway");
    assert!(good["duration_ms"].as_f64().is_some_and(|time| time > 0.0));
    assert_eq!((&bad["outcome"], &bad["reason"]), (&"authz_fail".into(), &"malformed".into()));
    let verified = requests.iter().filter(|line| line["outcome"] == "authn_token_verified");
    assert_eq!((requests.len(), verified.count()), (202, 201), "all lines are there at the end");
}

/// A full disk, and a standard error that is closed.
const NOWHERE: [&str; 2] = ["exec \"$0\" 2>/dev/full", "exec \"$0\" 2>&-"];

#[test]
fn a_log_that_cannot_be_written_changes_no_answer_and_no_status() {
    for (line, levels) in NOWHERE.into_iter().zip(["info", "trace"]) {
        let variables = environment(&[("RUST_LOG", levels)]);
        let refused = output(shell("validate", line)(&variables), b"", Duration::from_secs(10));
        assert_eq!(refused.status.code(), Some(78), "{line}: it has no key");

        let validate = Service::start_by("validate", shell("validate", line), 200, variables);
        let ada = token("ada@example.com", false);
        for (bearer, status) in [(ada.as_str(), 200), ("x", 403), (&ada, 200)] {
            assert_eq!(validate.request("GET", "/").bearer(bearer).send().status, status);
        }
        let (status, log) = validate.terminate();
        assert!(status.success(), "{line}: {status}");
        // All that a panic would say goes to the same place: it would be in the status.
        assert_eq!(log, "");
    }
}
