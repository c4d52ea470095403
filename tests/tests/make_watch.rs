//! `make watch` and `make invoke`, as a person types them.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    cargo_lambda::{CargoLambda, cargo_variables},
    http::{Answer, Request},
    process::{self, Process},
    wait, workspace,
};

/// Compiling, where it was not done before.
const BUILD_LIMIT: Duration = Duration::from_mins(15);
const DEMO: (&str, &str) = ("demo@example.com", "correct horse battery staple");

fn make(arguments: &[&str]) -> std::process::Command {
    let mut make = process::command("make", &cargo_variables());
    make.args(arguments).current_dir(workspace());
    make
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn every_sample_event_is_answered_as_its_name_says() {
    let port = format!("WATCH_PORT={}", wait::free_port());
    let watch = Process::start("make watch", make(&["watch", &port]));
    let url = wait::until("the lines", BUILD_LIMIT, || {
        let log = watch.log();
        let line = log.lines().find_map(|line| line.strip_prefix("login:").map(str::trim));
        line.map(|url| url.replace("localhost", "127.0.0.1"))
    });
    let answer = wait::until("login", BUILD_LIMIT, || {
        let answer = Request::new("POST", &url).basic(DEMO.0, DEMO.1).try_send().ok()?;
        (answer.status < 500).then_some(answer)
    });
    assert_eq!(answer.status, 200, "the demo user on SQLite: {}", answer.text());

    let invoked = process::output(make(&["invoke", &port]), b"", BUILD_LIMIT);
    assert!(invoked.status.success(), "{}{}", invoked.stdout, invoked.stderr);
    let answers = invoked.stdout.lines().filter_map(|line| line.split_once(".json: "));
    let mut exercised = 0;
    for (case, json) in answers {
        let answered: Value = serde_json::from_str(json).expect("an answer is JSON");
        check(case, &answered);
        exercised += 1;
    }
    let files = fs::read_dir(workspace().join("events")).unwrap();
    let events =
        files.filter(|file| file.as_ref().unwrap().path().extension() == Some("json".as_ref()));
    assert_eq!(exercised, events.count(), "{}", invoked.stdout);
}

fn check(case: &str, answered: &Value) {
    let [function, expected, _] = case.splitn(3, '-').collect::<Vec<_>>()[..] else {
        panic!("{case}")
    };
    match function {
        "authorizer" => check_authorizer(case, expected, answered),
        _ => check_gateway(case, function, expected, &system_tests::cargo_lambda::answer(answered)),
    }
}

/// An HTTP API takes the simple response, a REST API a policy.
fn check_authorizer(case: &str, expected: &str, answered: &Value) {
    let statement = &answered["policyDocument"]["Statement"][0];
    let (allowed, effect) = match expected {
        "allow" => (true, "Allow"),
        "deny" => (false, "Deny"),
        other => panic!("{case}: {other}"),
    };
    if case.contains("http-api") {
        assert_eq!(answered["isAuthorized"], allowed, "{case}");
    } else {
        assert_eq!(statement["Effect"], effect, "{case}");
        let resource = statement["Resource"].as_str().expect("an ARN");
        assert!(resource.ends_with("/prod/*"), "{case}: {resource}");
    }
    assert_eq!(answered["context"]["username"] == DEMO.0, allowed, "{case}");
}

fn check_gateway(case: &str, function: &str, status: &str, answer: &Answer) {
    assert_eq!(answer.status.to_string(), status, "{case}");
    let text = answer.text();
    match (function, status) {
        ("login", "200") => assert!(text.contains("eyJ"), "{case}: {text}"),
        ("validate", "200") if case.contains("public-keys") => {
            assert_eq!(text, r#"{"keys":[]}"#, "{case}: the key of make watch is symmetric");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=600"), "{case}");
        }
        ("validate", "200") => {
            assert_eq!(answer.header("x-auth-request-user"), Some(DEMO.0), "{case}");
            assert!(text.contains(r#""username":"demo@example.com""#), "{case}: {text}");
        }
        (_, "401") if case.contains("missing") || case.contains("scheme") => {
            assert_eq!(text, "missing credentials", "{case}");
        }
        (_, "401") => assert_eq!(text, "invalid credentials", "{case}"),
        (_, "403") => assert_eq!(text, "not authorized", "{case}"),
        (_, "404") => assert_eq!(text, "not found", "{case}"),
        (_, "405") => assert_eq!(text, "method not allowed", "{case}"),
        other => panic!("{case}: nothing is expected of {other:?}"),
    }
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn a_database_out_of_reach_is_503_through_lambda_too() {
    let url = format!("mysql://auth_user:canary@127.0.0.1:{}/auth", wait::free_port());
    let key = system_tests::contract::SECRET;
    let variables =
        Environment::from([("DATABASE_URL".into(), url), ("JWT_SECRET".into(), key.into())]);
    let functions = CargoLambda::watch(&variables);
    let event = fs::read_to_string(workspace().join("events/login-200-function-url.json")).unwrap();
    let event = serde_json::from_str(&event).unwrap();
    let answer = system_tests::cargo_lambda::answer(&functions.invoke("login", &event));
    assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
    assert!(answer.header("retry-after").is_some());
    assert!(!functions.log().contains("canary"), "{}", functions.log());
}
