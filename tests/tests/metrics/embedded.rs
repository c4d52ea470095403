//! Lines in CloudWatch's embedded metric format, behind cargo-lambda's emulator.

use std::{collections::BTreeMap, thread};

use serde_json::Value;
use system_tests::{
    contract::{SECRET, USER, token},
    lambda_process::LambdaProcess,
    scratch,
};

use system_tests::measured::{environment, key_in_file, login_variables};

/// All metrics that were written so far, by name and dimensions: the sums of counts and ages, and of
/// durations how many there were.
fn sums(lambda: &LambdaProcess) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in lambda.function.log().lines().filter(|line| line.contains("\"_aws\"")) {
        for (name, value) in read(line) {
            *sums.entry(name).or_default() += value;
        }
    }
    sums
}

fn list<'a>(of: &'a Value, member: &str) -> &'a Vec<Value> {
    of[member].as_array().unwrap_or_else(|| panic!("no list {member} in {of}"))
}

/// A line, checked by the specification of the format; what it measures.
fn read(line: &str) -> Vec<(String, f64)> {
    let document: Value = serde_json::from_str(line).expect("one document in a line");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert!(document["_aws"]["Timestamp"].as_u64().is_some_and(|it| it > 1_600_000_000_000));
    let mut measured = Vec::new();
    let mut declared = vec!["_aws".to_owned()];
    for directive in list(&document["_aws"], "CloudWatchMetrics") {
        assert_eq!(directive["Namespace"], "AuthFunctions");
        let mut dimensions = String::new();
        for set in list(directive, "Dimensions") {
            let names: Vec<_> = set.as_array().expect("names").iter().map(text).collect();
            assert!((1..=2).contains(&names.len()) && names[0] == "FunctionName", "{line}");
            for name in names {
                let value = text(&document[&name]);
                assert!((1..=1024).contains(&value.len()), "{line}");
                dimensions.extend([" ", &name, "=", &value]);
                declared.push(name);
            }
        }
        assert!((1..=100).contains(&list(directive, "Metrics").len()), "{line}");
        for metric in list(directive, "Metrics") {
            let (name, unit) = (text(&metric["Name"]), text(&metric["Unit"]));
            assert!(["Count", "Seconds"].contains(&&*unit), "{line}");
            let values = match &document[&name] {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            assert!((1..=100).contains(&values.len()), "{line}");
            let is_duration = unit == "Seconds" && name != "secret_age_seconds";
            for value in values {
                let value = value.as_f64().expect("a number");
                measured
                    .push((format!("{name}{dimensions}"), if is_duration { 1.0 } else { value }));
            }
            declared.push(name);
        }
    }
    for member in document.as_object().expect("an object").keys() {
        assert!(declared.contains(member), "{member} is in no directive: {line}");
    }
    measured
}

/// That these were measured, all of the one function.
fn are_measured(sums: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    let named = |(name, value): &(&str, f64)| {
        let (metric, dimension) = name.split_once(' ').map_or((*name, ""), |it| it);
        let separator = if dimension.is_empty() { "" } else { " " };
        (format!("{metric} FunctionName=prod-auth{separator}{dimension}"), *value)
    };
    assert_eq!(*sums, expected.iter().map(named).collect());
}

#[tokio::test]
#[ignore = "needs cargo-lambda: make test"]
async fn a_login_is_measured_before_it_is_answered_one_at_a_time_or_four() {
    for concurrency in ["1", "4"] {
        let folder = scratch::directory();
        let mut variables = login_variables(folder.path()).await;
        variables.insert("METRICS".into(), "emf".into());
        let login = LambdaProcess::start("login", concurrency, variables);
        assert_eq!(login.request("GET", "/login").send().status, 405);
        // Lambda may freeze the process right behind an answer: nothing is waited for here.
        let refused = "login_total FunctionName=prod-auth outcome=method_not_allowed";
        assert_eq!(sums(&login).get(refused), Some(&1.0));
        thread::scope(|scope| {
            for _ in 0..4 {
                let request = login.request("POST", "/login").basic(USER.0, USER.1);
                scope.spawn(|| assert_eq!(request.send().status, 200));
            }
        });
        let request = login.request("POST", "/login").basic("canary@example.com", "canary");
        assert_eq!(request.send().status, 401);
        let mut measured = sums(&login);
        let statements = measured.remove("database_query_duration_seconds FunctionName=prod-auth");
        assert!(statements.is_some_and(|count| count >= 5.0), "{statements:?}");
        are_measured(
            &measured,
            &[
                ("hash_duration_seconds", 5.0),
                ("hash_queue_seconds", 5.0),
                ("login_total outcome=authn_login_fail", 1.0),
                ("login_total outcome=authn_login_success", 4.0),
                ("login_total outcome=method_not_allowed", 1.0),
            ],
        );
        let log = login.function.log();
        assert!(!log.contains("canary") && !log.contains(USER.0), "{log}");
    }
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn validations_are_measured_and_so_is_the_age_of_the_keys() {
    let folder = scratch::directory();
    let mut variables = key_in_file(folder.path());
    variables.insert("METRICS".into(), "emf".into());
    let validate = LambdaProcess::start("validate", "1", variables);
    let good = token("ada@example.com", false);
    for (token, status) in [(good.as_str(), 200), (&good, 200), ("x.y.z", 403)] {
        assert_eq!(validate.request("GET", "/validate").bearer(token).send().status, status);
    }
    let mut measured = sums(&validate);
    let age = measured.remove("secret_age_seconds FunctionName=prod-auth secret=jwt");
    assert!(age.is_some_and(|age| age > 0.0), "{age:?}");
    are_measured(
        &measured,
        &[
            ("validate_total outcome=authn_token_verified", 2.0),
            ("validate_total outcome=authz_fail", 1.0),
        ],
    );
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn without_the_variable_there_is_no_line() {
    let validate = LambdaProcess::start("validate", "1", environment(&[("JWT_SECRET", SECRET)]));
    assert_eq!(validate.request("GET", "/validate").send().status, 401);
    assert!(!validate.function.log().contains("_aws"), "{}", validate.function.log());
}
