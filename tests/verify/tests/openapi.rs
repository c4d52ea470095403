//! `openapi.json`: both functions conform to it, and its page works. `system_tests::contract`
//! checks that it has each answer of the contract, and `tests/run` that it is valid OpenAPI.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use system_tests::{
    Environment, SECRET, Service, Sqlite, command, contract::ADMIN, environment, forge::encode,
    output, scratch, token, token_with, wait, workspace,
};

const LOGIN: [&str; 2] = ["login", "health"];
const VALIDATE: [&str; 3] = ["validate", "well-known", "health"];

/// Runs schemathesis, which generates valid and invalid requests for operations with these tags,
/// with the administrator's e-mail, this password and token. All answers must conform to the
/// document, each path and status in `seen` must occur, and a 5xx only if `seen` has a 503.
fn check(service: &Service, tags: &[&str], secrets: [&str; 2], seen: &[(&str, u16)]) {
    println!("schemathesis against {} (half a minute)", tags.join(", "));
    let folder = scratch::directory();
    let [password, token] = secrets;
    let variables = environment(&[
        ("EMAIL", ADMIN.0),
        ("PASSWORD", password),
        ("TOKEN", token),
        ("COLUMNS", "100"),
    ]);
    let mut st = command("st", &variables);
    st.arg("--config-file").arg(workspace().join("tests/schemathesis.toml"));
    st.arg("run").arg(workspace().join("docs/openapi.json")).args(["--no-color", "--url"]);
    // Without its database a function has to answer 503.
    st.args([&service.url(""), "--exclude-checks", "not_a_server_error"]);
    st.args(tags.iter().flat_map(|tag| ["--include-tag", tag]));
    // It writes files to its current directory.
    st.current_dir(folder.path());
    let output = output(st, b"", Duration::from_mins(5));
    assert!(output.status.success(), "{}{}", output.stdout, output.stderr);
    let log = service.log();
    let answers: Vec<Value> = log.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    for (path, status) in seen {
        let is_it = |answer: &Value| answer["path"] == *path && answer["status"] == *status;
        assert!(answers.iter().any(is_it), "no answer of {path} was {status}");
    }
    let may_fail = seen.iter().any(|(_, status)| *status == 503);
    let failed = answers.iter().find(|it| it["status"].as_u64().is_some_and(|it| it >= 500));
    assert!(may_fail || failed.is_none(), "{failed:?}");
}

/// With the right password (in ASCII, whose encoding in schemathesis is right), with a wrong one
/// until the e-mail is locked, and without a database.
#[tokio::test]
#[ignore = "needs the Python packages: make verify"]
async fn login_conforms_to_the_document() {
    let store = Sqlite::of_contract().await;
    let token = token(ADMIN.0, false);
    let good = Service::start("login", store.variables());
    let seen = [("/login", 200), ("/login", 401), ("/login", 405)];
    check(&good, &LOGIN, [ADMIN.1, &token], &seen);
    check(&good, &LOGIN, ["wrong", &token], &[("/login", 429)]);
    let url = format!("mysql://auth_user:canary@127.0.0.1:{}/auth", wait::free_port());
    let alone = Service::start("login", environment(&[("DATABASE_URL", &url)]));
    check(&alone, &LOGIN, [ADMIN.1, &token], &[("/login", 503)]);
}

/// Also with a public key and an issuer, which the well-known paths publish.
#[test]
#[ignore = "needs the Python packages: make verify"]
fn validate_conforms_to_the_document() {
    let issuer = "https://auth.example.com";
    let keys = json!({"keys": [
        {"kty": "oct", "k": encode(SECRET)},
        // RFC 8037 appendix A.2.
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    let claims = json!({
        "username": ADMIN.0, "admin": true, "exp": 4_000_000_000_u64, "iss": issuer, "aud": ["a"],
    });
    let publishing = environment(&[("JWT_SECRET", &keys.to_string()), ("JWT_ISSUER", issuer)]);
    for (variables, token, metadata) in
        [(Environment::new(), token(ADMIN.0, false), 404), (publishing, token_with(&claims), 200)]
    {
        let validate = Service::start("validate", variables);
        let metadata = ("/.well-known/openid-configuration", metadata);
        let seen = [("/validate", 200), ("/validate", 401), ("/validate", 403), metadata];
        check(&validate, &VALIDATE, [ADMIN.1, &token], &seen);
        let published = validate.request("GET", "/.well-known/jwks.json").send();
        assert_eq!(published.text().contains("Ed25519"), metadata.1 == 200, "{}", published.text());
    }
}

/// On the page `/docs` of `make run`, in a real browser.
#[test]
#[ignore = "needs Chromium: make verify"]
fn a_user_can_log_in_and_validate_on_the_page() {
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let local = Service::start("local", environment(&[("CARGO_TARGET_DIR", &target)]));
    let pictures = workspace().join("target/screenshots");
    fs::create_dir_all(&pictures).expect("target/ can be written");
    let mut visit = command("python", &environment(&[("HOME", &target)]));
    visit.arg(workspace().join("tests/python/docs_page.py"));
    visit.args([&local.url(""), "demo@example.com", "correct horse battery staple"]);
    visit.arg(pictures.join("docs.png"));
    let output = output(visit, b"", Duration::from_mins(2));
    assert!(output.status.success(), "{}", output.stderr);

    let seen: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let [login, validate, refused] = ["login", "validate", "refused"].map(|it| &seen[it]["status"]);
    assert_eq!((login, validate, refused), (&json!(200), &json!(200), &json!(401)), "{seen}");
    assert!(seen["login"]["body"].as_str().is_some_and(|body| body.starts_with("eyJ")), "{seen}");
    let claims = seen["validate"]["body"].as_str().expect("a body");
    let claims: Value = serde_json::from_str(claims).expect("the claims");
    assert_eq!(claims["username"], "demo@example.com");
    assert_eq!(seen["console"], json!([]), "messages in the browser's console");
    let requests = seen["requests"].as_array().expect("addresses");
    let mut urls = requests.iter().filter_map(Value::as_str);
    let is_here = |url: &str| url.starts_with(&local.url("/")) || url.starts_with("data:");
    assert!(requests.len() > 5 && urls.all(is_here), "{requests:?}");
}
