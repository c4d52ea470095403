//! `openapi.json`: that it is OpenAPI, and that both functions do as it says. That it describes each
//! answer of the contract is for `system_tests::contract`, the page for `docs_page.rs`.

use std::{fs, path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use system_tests::{
    Environment,
    contract::{ADMIN, SECRET, token, token_with},
    environment,
    process::{Output, command, output},
    python, scratch,
    service::Service,
    stores::Sqlite,
    wait, workspace,
};

const LOGIN: [&str; 2] = ["login", "health"];
const VALIDATE: [&str; 3] = ["validate", "well-known", "health"];

/// The document that is checked in.
fn document() -> Value {
    let text = fs::read_to_string(workspace().join("openapi.json")).expect("it is checked in");
    serde_json::from_str(&text).expect("it is JSON")
}

/// A running function with the key of the contract's tokens.
fn start(name: &str, mut variables: Environment) -> Service {
    variables.entry("JWT_SECRET".into()).or_insert(SECRET.into());
    Service::start(name, variables)
}

/// schemathesis, which makes requests of the document, right ones and wrong ones, and compares each answer with
/// it: the operations of these tags, with the administrator's e-mail, this password and this token.
fn run(service: &Service, document: &Value, tags: &[&str], [password, token]: [&str; 2]) -> Output {
    println!("schemathesis against {} (half a minute)", tags.join(", "));
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    let variables = environment(&[
        ("EMAIL", ADMIN.0),
        ("PASSWORD", password),
        ("TOKEN", token),
        ("COLUMNS", "100"),
    ]);
    let mut st = command(python::program("st"), &variables);
    st.arg("--config-file").arg(workspace().join("tests/schemathesis.toml"));
    st.arg("run").arg(&path).args(["--no-color", "--url", &service.url("")]);
    // 503 is what a function should answer without its database.
    st.args(["--exclude-checks", "not_a_server_error"]);
    st.args(tags.iter().flat_map(|tag| ["--include-tag", tag]));
    // It keeps notes where it runs.
    st.current_dir(folder.path());
    output(st, b"", Duration::from_mins(5))
}

/// That all answers are as the document says, and each of these paths had such a status: 503 if it is among
/// them, and otherwise no answer was an error of ours.
fn check(service: &Service, tags: &[&str], secrets: [&str; 2], seen: &[(&str, u16)]) {
    let output = run(service, &document(), tags, secrets);
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

/// With the right password (one of ASCII, which schemathesis sends as UTF-8 too), with a wrong one
/// until the e-mail is locked, and without a database.
#[tokio::test]
#[ignore = "needs the Python packages: make verify"]
async fn login_answers_as_the_document_says() {
    let store = Sqlite::of_contract().await;
    let token = token(ADMIN.0, false);
    let good = start("login", store.variables());
    let seen = [("/login", 200), ("/login", 401), ("/login", 405)];
    check(&good, &LOGIN, [ADMIN.1, &token], &seen);
    check(&good, &LOGIN, ["wrong", &token], &[("/login", 429)]);
    let url = format!("mysql://auth_user:canary@127.0.0.1:{}/auth", wait::free_port());
    let alone = start("login", environment(&[("DATABASE_URL", &url)]));
    check(&alone, &LOGIN, [ADMIN.1, &token], &[("/login", 503)]);
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
    let publishing = environment(&[("JWT_SECRET", &keys.to_string()), ("JWT_ISSUER", issuer)]);
    for (variables, token, metadata) in
        [(Environment::new(), token(ADMIN.0, false), 404), (publishing, token_with(&claims), 200)]
    {
        let validate = start("validate", variables);
        let metadata = ("/.well-known/openid-configuration", metadata);
        let seen = [("/validate", 200), ("/validate", 401), ("/validate", 403), metadata];
        check(&validate, &VALIDATE, [ADMIN.1, &token], &seen);
        let published = validate.request("GET", "/.well-known/jwks.json").send();
        assert_eq!(published.text().contains("Ed25519"), metadata.1 == 200, "{}", published.text());
    }
}

/// What is planted in the responses of `GET /validate`: where, what, and what is said of it.
#[test]
#[ignore = "needs the Python packages: make verify"]
fn a_status_a_header_and_a_body_that_differ_from_the_document_are_found() {
    let validate = start("validate", Environment::new());
    let good = token(ADMIN.0, false);
    let header = json!({ "required": true, "schema": { "type": "string" } });
    for (token, path, planted, said) in [
        ("forged", "/403", None, "Undocumented status code"),
        (&good, "/200/headers/X-Other", Some(header), "X-Other"),
        (
            &good,
            "/200/content/application~1json/schema",
            Some(json!({ "required": ["scope"] })),
            "scope",
        ),
    ] {
        let mut document = document();
        let responses = &mut document["paths"]["/validate"]["get"]["responses"];
        let (parent, member) = path.rsplit_once('/').expect("a path");
        let parent = responses.pointer_mut(parent).and_then(Value::as_object_mut).expect("it");
        match planted {
            Some(planted) => parent.insert(member.into(), planted),
            None => parent.remove(member),
        };
        let output = run(&validate, &document, &["validate"], [ADMIN.1, token]);
        assert!(!output.status.success() && output.stdout.contains(said), "{}", output.stdout);
    }
}

/// Whether the validator finds it good.
fn is_openapi_3_1(path: &Path) -> bool {
    let mut validator = command(python::program("openapi-spec-validator"), &Environment::new());
    validator.args(["--schema", "3.1", "--subschema-errors", "all"]).arg(path);
    output(validator, b"", Duration::from_mins(1)).status.success()
}

#[test]
#[ignore = "needs the Python packages: make verify"]
fn it_is_openapi_3_1_and_one_that_breaks_the_schema_is_not() {
    assert!(is_openapi_3_1(&workspace().join("openapi.json")));
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    let mut document = document();
    document["paths"]["/login"]["post"]["responses"]["200"]["headers"] = json!("none");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    assert!(!is_openapi_3_1(&path));
}
