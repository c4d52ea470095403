//! Both functions answer as the document says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::users::SqliteUsers;
use system_tests::{
    Environment,
    contract::{ADMIN, SECRET, add_users, token, token_with},
    mariadb, mysql9, scratch,
    service::Service,
    stores,
};

use super::schemathesis::{Trial, check, document, run};

const LOGIN: [&str; 2] = ["login", "health"];
const METADATA: &str = "/.well-known/openid-configuration";
const VALIDATE: [&str; 3] = ["validate", "well-known", "health"];

/// A running function with the key of the contract's tokens.
fn start(name: &str, mut variables: Environment) -> Service {
    variables.entry("JWT_SECRET".into()).or_insert(SECRET.into());
    Service::start(name, variables)
}

/// How many requests to this path were answered with this status.
fn count(log: &str, path: &str, status: u16) -> usize {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["path"] == path && line["status"] == status).count()
}

/// With the right password (one of ASCII, which schemathesis sends as UTF-8 too), and with a wrong one until the e-mail is locked.
fn check_login(database: Environment) {
    let login = start("login", database);
    let token = token(ADMIN.0, false);
    let right = Trial { tags: &LOGIN, basic: ADMIN, token: &token, without: None };
    check(&login, &right);
    let log = login.log();
    for status in [200, 401, 405] {
        assert!(count(&log, "/login", status) > 0, "no answer was {status}");
    }
    check(&login, &Trial { basic: (ADMIN.0, "wrong"), ..right });
    assert!(count(&login.log(), "/login", 429) > 0, "the throttle was not reached");
}

#[tokio::test]
#[ignore = "needs the Python packages: make test"]
async fn login_answers_as_the_document_says_on_sqlite() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    add_users(&SqliteUsers::open(&path).await.unwrap()).await;
    check_login([("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into());
}

#[tokio::test]
#[ignore = "needs MariaDB and the Python packages: make test"]
async fn login_answers_as_the_document_says_on_mariadb() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    check_login(server.login_variables());
}

#[tokio::test]
#[ignore = "needs MySQL 9 and the Python packages: make test"]
async fn login_answers_as_the_document_says_on_mysql_9() {
    let server = mysql9::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    check_login(server.login_variables());
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn login_answers_as_the_document_says_without_a_database() {
    let nobody = system_tests::wait::free_port();
    let url = format!("mysql://auth_user:canary@127.0.0.1:{nobody}/auth");
    let login = start("login", [("DATABASE_URL".into(), url)].into());
    // 503 is what it should answer.
    let without = Some("not_a_server_error");
    check(&login, &Trial { tags: &LOGIN, basic: ADMIN, token: &token(ADMIN.0, false), without });
    assert!(count(&login.log(), "/login", 503) > 0);
}

fn check_validate(variables: Environment, token: &str) -> Service {
    let validate = start("validate", variables);
    check(&validate, &Trial { tags: &VALIDATE, basic: ADMIN, token, without: None });
    let log = validate.log();
    for status in [200, 401, 403] {
        assert!(count(&log, "/validate", status) > 0, "no answer was {status}");
    }
    validate
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn validate_answers_as_the_document_says() {
    let validate = check_validate(Environment::new(), &token(ADMIN.0, false));
    assert!(count(&validate.log(), METADATA, 404) > 0);
}

/// With a public key beside the shared one, there is more to be seen at the well-known paths.
#[test]
#[ignore = "needs the Python packages: make test"]
fn validate_publishes_as_the_document_says() {
    let issuer = "https://auth.example.com";
    let keys = json!({"keys": [
        {"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)},
        // RFC 8037 appendix A.2.
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    let claims = json!({
        "username": ADMIN.0, "admin": true, "exp": 4_000_000_000_u64, "iss": issuer, "aud": ["a"],
    });
    let variables =
        [("JWT_SECRET".to_owned(), keys.to_string()), ("JWT_ISSUER".to_owned(), issuer.to_owned())];
    let validate = check_validate(variables.into(), &token_with(&claims));
    assert!(count(&validate.log(), METADATA, 200) > 0);
    let published = validate.request("GET", "/.well-known/jwks.json").send();
    assert!(published.text().contains("Ed25519"), "{}", published.text());
}

/// What is found once `change` has been made to what the document says of `GET /validate`.
fn findings(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut document = document();
    change(&mut document["paths"]["/validate"]["get"]["responses"]);
    let validate = start("validate", Environment::new());
    let trial = Trial { tags: &["validate"], basic: ADMIN, token, without: None };
    let output = run(&validate, &trial, &document);
    assert!(!output.status.success(), "{}", output.stdout);
    output.stdout
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn an_answer_that_the_document_does_not_have_is_found() {
    let found = findings("forged", |responses| {
        responses.as_object_mut().expect("responses").remove("403");
    });
    assert!(found.contains("Undocumented status code"), "{found}");
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn a_header_that_is_not_there_is_found() {
    let found = findings(&token(ADMIN.0, false), |responses| {
        responses["200"]["headers"]["X-Other"] =
            responses["200"]["headers"]["Cache-Control"].clone();
    });
    assert!(found.contains("X-Other"), "{found}");
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn a_body_of_another_form_is_found() {
    let found = findings(&token(ADMIN.0, false), |responses| {
        responses["200"]["content"]["application/json"]["schema"] = json!({"required": ["scope"]});
    });
    assert!(found.contains("scope"), "{found}");
}
