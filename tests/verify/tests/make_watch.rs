//! `make watch` and `make invoke`, as a person types them.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{Process, Request, cargo_variables, lambda, process, wait, workspace};

/// Compiling, where it was not done before.
const BUILD_LIMIT: Duration = Duration::from_mins(15);
const DEMO: (&str, &str) = ("demo@example.com", "correct horse battery staple");

fn make(arguments: &[&str]) -> std::process::Command {
    let mut make = process::command("make", &cargo_variables());
    make.args(arguments).current_dir(workspace());
    make
}

#[test]
#[ignore = "needs cargo-lambda: make verify"]
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
    let mut sent = 0;
    for (case, json) in invoked.stdout.lines().filter_map(|line| line.split_once(".json: ")) {
        check(case, &serde_json::from_str(json).expect("an answer is JSON"));
        sent += 1;
    }
    let files = fs::read_dir(workspace().join("events")).expect("events").flatten();
    let events = files.filter(|file| file.path().extension() == Some("json".as_ref()));
    assert_eq!(sent, events.count(), "{}", invoked.stdout);
}

/// That the answer is what the name says: `FUNCTION-ANSWER-CASE`.
fn check(case: &str, answered: &Value) {
    let parts: Vec<&str> = case.splitn(3, '-').collect();
    let [function, expected, case] = parts[..] else { panic!("{case} has no three parts") };
    if function == "authorizer" {
        // An HTTP API takes the simple response, a REST API a policy.
        let is_allowed = answered["isAuthorized"] == true
            || answered["policyDocument"]["Statement"][0]["Effect"] == "Allow";
        let is_known = answered["context"]["username"] == DEMO.0;
        assert_eq!([is_allowed, is_known], [expected == "allow"; 2], "{case}: {answered}");
        return;
    }
    let answer = lambda::answer(answered);
    assert_eq!(answer.status.to_string(), expected, "{case}");
    let said = match (function, expected) {
        ("login", "200") => "eyJ",
        // The key of `make watch` is symmetric.
        ("validate", "200") if case.contains("public-keys") => r#"{"keys":[]}"#,
        ("validate", "200") => r#""username":"demo@example.com""#,
        (_, "401") if case.contains("missing") => "missing credentials",
        (_, "401") => "invalid credentials",
        (_, "403") => "not authorized",
        other => panic!("{case}: nothing is expected of {other:?}"),
    };
    assert!(answer.text().contains(said), "{case}: {}", answer.text());
}
