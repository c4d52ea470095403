//! Lines in CloudWatch's embedded metric format, behind cargo-lambda's emulator.

use std::{collections::BTreeMap, slice, thread};

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{USER, key_in_file, token},
    lambda::Lambda,
    scratch,
    stores::Sqlite,
    with,
};

const EMBEDDED: (&str, &str) = ("METRICS", "emf");

/// What was written so far, by metric and outcome: the sums of counts, and how many durations and
/// ages there were.
fn sums(lambda: &Lambda) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    for line in lambda.function.log().lines().filter(|line| line.contains("\"_aws\"")) {
        let document: Value = serde_json::from_str(line).expect("one document in a line");
        assert_eq!(document["FunctionName"], "prod-auth", "{line}");
        for directive in list(&document["_aws"]["CloudWatchMetrics"]) {
            assert_eq!(directive["Namespace"], "AuthFunctions");
            assert!(list(&directive["Dimensions"][0]).contains(&"FunctionName".into()), "{line}");
            for metric in list(&directive["Metrics"]) {
                let name = metric["Name"].as_str().expect("a name");
                let value = &document[name];
                let values = value.as_array().map_or(slice::from_ref(value), Vec::as_slice);
                let sum = if metric["Unit"] == "Count" {
                    values.iter().map(|value| value.as_f64().expect("a number")).sum::<f64>()
                } else {
                    assert_eq!(metric["Unit"], "Seconds", "{line}");
                    values.iter().map(|_| 1.0).sum()
                };
                let outcome = document["outcome"].as_str().unwrap_or_default();
                *sums.entry(format!("{name} {outcome}").trim_end().to_owned()).or_default() += sum;
            }
        }
    }
    sums
}

fn are_measured(sums: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    assert_eq!(*sums, expected.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect());
}

#[tokio::test]
#[ignore = "needs cargo-lambda: make test"]
async fn a_login_is_measured_before_it_is_answered_one_at_a_time_or_four() {
    let store = Sqlite::of_contract().await;
    for concurrency in ["1", "4"] {
        let variables = with(store.variables(), &[EMBEDDED]);
        let login = Lambda::start("login", concurrency, variables);
        assert_eq!(login.request("GET", "/login").send().status, 405);
        // Lambda may freeze the process right behind an answer: nothing is waited for here.
        let refused = "login_total method_not_allowed";
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
        let statements = measured.remove("database_query_duration_seconds");
        assert!(statements.is_some_and(|count| count >= 5.0), "{statements:?}");
        are_measured(
            &measured,
            &[
                ("hash_duration_seconds", 5.0),
                ("hash_queue_seconds", 5.0),
                ("login_total authn_login_fail", 1.0),
                ("login_total authn_login_success", 4.0),
                ("login_total method_not_allowed", 1.0),
            ],
        );
        let log = login.function.log();
        assert!(!log.contains("canary") && !log.contains(USER.0), "{log}");
    }
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn validations_are_measured_and_so_is_the_age_of_the_keys_and_nothing_without_the_variable() {
    let folder = scratch::directory();
    let validate = Lambda::start("validate", "1", with(key_in_file(folder.path()), &[EMBEDDED]));
    let good = token("ada@example.com", false);
    for (token, status) in [(good.as_str(), 200), (&good, 200), ("x.y.z", 403)] {
        assert_eq!(validate.request("GET", "/validate").bearer(token).send().status, status);
    }
    let mut measured = sums(&validate);
    let age = measured.remove("secret_age_seconds");
    assert!(age.is_some_and(|age| age > 0.0), "{age:?}");
    are_measured(
        &measured,
        &[
            ("validate_total authn_token_verified", 2.0),
            ("token_cache_total", 3.0),
            ("validate_total authz_fail", 1.0),
        ],
    );

    let silent = Lambda::start("validate", "1", Environment::new());
    assert_eq!(silent.request("GET", "/validate").send().status, 401);
    assert!(sums(&silent).is_empty(), "{}", silent.function.log());
}
