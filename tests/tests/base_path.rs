//! `BASE_PATH`: both functions below a path, behind a gateway that passes it on.

use serde_json::{Value, json};
use system_tests::{
    Environment, binaries,
    contract::{SECRET, token},
    process::{Process, command},
    runtime_api::RuntimeApi,
    service::{Service, run},
};

fn variables(more: &[(&str, &str)]) -> Environment {
    let all = [("JWT_SECRET", SECRET), ("BASE_PATH", "/auth")];
    all.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

#[test]
fn over_http_a_function_answers_below_its_base_path_and_without_it() {
    let validate = Service::start("validate", variables(&[]));
    for (path, status) in [
        ("/auth/validate", 200),
        ("/auth/validate/a%20b", 200),
        ("/auth", 200),
        ("/auth/", 200),
        ("/validate", 200),
        ("/", 200),
        ("/auth/.well-known/jwks.json", 200),
        ("/authx/validate", 404),
        ("/auth/auth/validate", 404),
        ("/auth/other", 404),
    ] {
        let answer = validate.request("GET", path).bearer(&token("ada@example.com", false)).send();
        assert_eq!(answer.status, status, "{path}");
    }
    let login = variables(&[("DATABASE_URL", "mysql://u:p@127.0.0.1:1/auth")]);
    let login = Service::start("login", login);
    for (path, status) in [("/auth/login", 401), ("/auth", 401), ("/login", 401), ("/auth/x", 404)]
    {
        assert_eq!(login.request("POST", path).send().status, status, "{path}");
    }
    assert_eq!(login.request("GET", "/auth/login").send().status, 405);
    let (_, log) = login.terminate();
    assert!(log.contains(r#""path":"/auth/login""#), "{log}");
}

#[test]
fn on_lambda_it_does_too() {
    let api = RuntimeApi::new();
    let address = api.address();
    let variables = variables(&[
        ("AWS_LAMBDA_RUNTIME_API", &address),
        ("AWS_LAMBDA_FUNCTION_NAME", "validate"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ]);
    let _validate = Process::start("validate", command(binaries::path("validate"), &variables));
    for (path, status) in [("/auth/validate", 200), ("/validate", 200), ("/other", 404)] {
        let event = json!({
            "version": "2.0", "rawPath": path, "headers": { "authorization": format!("Bearer {}", token("ada@example.com", false)) },
            "requestContext": { "stage": "$default", "http": { "method": "GET" } },
        });
        api.next_call().answer(&event.to_string());
        let answered = api.next_call();
        assert!(answered.path.ends_with("/response"), "{}", answered.path);
        let answer: Value = serde_json::from_slice(&answered.body).unwrap();
        assert_eq!(answer["statusCode"], status, "{path}");
        answered.answer("");
    }
}

#[test]
fn a_base_path_that_is_none_is_said_at_the_start() {
    let mut variables = variables(&[]);
    variables.insert("BASE_PATH".into(), "canary/".into());
    let refused = run("validate", &[], &variables, "");
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("BASE_PATH: is not a path such as /auth"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
}
