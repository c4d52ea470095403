//! Both functions answer as the document says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::users::SqliteUsers;
use system_tests::{
    Environment,
    contract::{ADMIN, SECRET, add_users, token, token_with},
    scratch,
    service::Service,
    wait,
};

use super::schemathesis::{document, run};

const LOGIN: [&str; 2] = ["login", "health"];
const VALIDATE: [&str; 3] = ["validate", "well-known", "health"];
const METADATA: &str = "/.well-known/openid-configuration";

/// A running function with the key of the contract's tokens.
fn start(name: &str, mut variables: Environment) -> Service {
    variables.entry("JWT_SECRET".into()).or_insert(SECRET.into());
    Service::start(name, variables)
}

/// That all answers are as the document says, and each of these paths had such a status.
fn check(
    service: &Service,
    tags: &[&str],
    secrets: [&str; 2],
    more: &[&str],
    seen: &[(&str, u16)],
) {
    let output = run(service, &document(), tags, secrets, more);
    assert!(output.status.success(), "{}{}", output.stdout, output.stderr);
    let log = service.log();
    let answers: Vec<Value> = log.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    for (path, status) in seen {
        let is_it = |answer: &Value| answer["path"] == *path && answer["status"] == *status;
        assert!(answers.iter().any(is_it), "no answer of {path} was {status}");
    }
}

/// With the right password (one of ASCII, which schemathesis sends as UTF-8 too), and with a wrong one
/// until the e-mail is locked.
#[tokio::test]
#[ignore = "needs the Python packages: make verify"]
async fn login_answers_as_the_document_says() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    add_users(&SqliteUsers::open(&path).await.unwrap()).await;
    let url = format!("sqlite:{}", path.display());
    let login = start("login", [("DATABASE_URL".into(), url)].into());
    let token = token(ADMIN.0, false);
    let seen = [("/login", 200), ("/login", 401), ("/login", 405)];
    check(&login, &LOGIN, [ADMIN.1, &token], &[], &seen);
    check(&login, &LOGIN, ["wrong", &token], &[], &[("/login", 429)]);
}

#[test]
#[ignore = "needs the Python packages: make verify"]
fn login_answers_as_the_document_says_without_a_database() {
    let url = format!("mysql://auth_user:canary@127.0.0.1:{}/auth", wait::free_port());
    let login = start("login", [("DATABASE_URL".into(), url)].into());
    let secrets = [ADMIN.1, &token(ADMIN.0, false)];
    // 503 is what it should answer.
    let more = ["--exclude-checks", "not_a_server_error"];
    check(&login, &LOGIN, secrets, &more, &[("/login", 503)]);
}

/// With a public key beside the shared one, there is more to be seen at the well-known paths.
#[test]
#[ignore = "needs the Python packages: make verify"]
fn validate_answers_and_publishes_as_the_document_says() {
    let issuer = "https://auth.example.com";
    let keys = json!({"keys": [
        {"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)},
        // RFC 8037 appendix A.2.
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    let claims = json!({
        "username": ADMIN.0, "admin": true, "exp": 4_000_000_000_u64, "iss": issuer, "aud": ["a"],
    });
    let publishing =
        [("JWT_SECRET".to_owned(), keys.to_string()), ("JWT_ISSUER".to_owned(), issuer.to_owned())];
    for (variables, token, metadata) in [
        (Environment::new(), token(ADMIN.0, false), 404),
        (publishing.into(), token_with(&claims), 200),
    ] {
        let validate = start("validate", variables);
        let seen =
            [("/validate", 200), ("/validate", 401), ("/validate", 403), (METADATA, metadata)];
        check(&validate, &VALIDATE, [ADMIN.1, &token], &[], &seen);
        let published = validate.request("GET", "/.well-known/jwks.json").send();
        assert_eq!(published.text().contains("Ed25519"), metadata == 200, "{}", published.text());
    }
}

/// What is planted in what the document says of `GET /validate`.
type Change = fn(&mut Value);

#[test]
#[ignore = "needs the Python packages: make verify"]
fn a_status_a_header_and_a_body_that_differ_from_the_document_are_found() {
    let validate = start("validate", Environment::new());
    let good = token(ADMIN.0, false);
    let planted: [(&str, Change, &str); 3] = [
        (
            "forged",
            |responses| drop(responses.as_object_mut().expect("responses").remove("403")),
            "Undocumented status code",
        ),
        (
            &good,
            |responses| {
                let headers = &mut responses["200"]["headers"];
                headers["X-Other"] = headers["Cache-Control"].clone();
            },
            "X-Other",
        ),
        (
            &good,
            |responses| {
                let body = &mut responses["200"]["content"]["application/json"];
                body["schema"] = json!({"required": ["scope"]});
            },
            "scope",
        ),
    ];
    for (token, change, said) in planted {
        let mut document = document();
        change(&mut document["paths"]["/validate"]["get"]["responses"]);
        let output = run(&validate, &document, &["validate"], [ADMIN.1, token], &[]);
        assert!(!output.status.success() && output.stdout.contains(said), "{}", output.stdout);
    }
}
