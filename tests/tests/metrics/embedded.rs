//! Lines in CloudWatch's embedded metric format, behind cargo-lambda's emulator.

use std::collections::BTreeMap;

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{SECRET, USER, token},
    http::Request,
    lambda_process::LambdaProcess,
    scratch,
};

use super::{environment, login_variables};

/// What CloudWatch takes as a unit, of which these are used.
const UNITS: [&str; 2] = ["Count", "Seconds"];

/// A function behind the emulator.
struct Lambda(LambdaProcess);

impl Lambda {
    fn start(name: &str, concurrency: &str, variables: Environment) -> Self {
        Self(LambdaProcess::start(name, concurrency, variables))
    }

    fn request(&self, method: &str, path: &str) -> Request {
        self.0.request(method, path)
    }

    /// All metrics that were written so far: sums by name and labels.
    fn sums(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for line in self.0.function.log().lines().filter(|line| line.contains("\"_aws\"")) {
            for (name, value) in read(line) {
                *sums.entry(name).or_default() += value;
            }
        }
        sums
    }
}

/// A line, checked by the specification of the format; what it measures.
fn read(line: &str) -> Vec<(String, f64)> {
    let document: Value = serde_json::from_str(line).expect("one document in a line");
    let root = document.as_object().expect("an object");
    assert!(document["_aws"]["Timestamp"].as_u64().is_some_and(|it| it > 1_600_000_000_000));
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().expect("an array");
    let mut measured = Vec::new();
    let mut declared = vec!["_aws".to_owned()];
    for directive in directives {
        assert_eq!(directive["Namespace"], "AuthFunctions");
        let mut labels = String::new();
        for set in directive["Dimensions"].as_array().expect("sets of dimensions") {
            let set = set.as_array().expect("names");
            assert!((1..=2).contains(&set.len()), "{line}");
            assert_eq!(set[0], "FunctionName");
            for name in set {
                let name = name.as_str().expect("a text");
                let value = root[name].as_str().expect("a dimension is a text");
                assert!((1..=1024).contains(&value.len()), "{line}");
                labels.extend([" ", name, "=", value]);
                declared.push(name.to_owned());
            }
        }
        let metrics = directive["Metrics"].as_array().expect("metrics");
        assert!((1..=100).contains(&metrics.len()), "{line}");
        for metric in metrics {
            let name = metric["Name"].as_str().expect("a name");
            let unit = metric["Unit"].as_str().expect("a unit");
            assert!(UNITS.contains(&unit), "{line}");
            let values = match &root[name] {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            assert!((1..=100).contains(&values.len()), "{line}");
            let counted = unit == "Seconds" && name != "secret_age_seconds";
            for value in values {
                let value = value.as_f64().expect("a number");
                let sum = if counted { 1.0 } else { value };
                measured.push((format!("{name}{labels}"), sum));
            }
            declared.push(name.to_owned());
        }
    }
    for member in root.keys() {
        assert!(declared.contains(member), "{member} is in no directive: {line}");
    }
    measured
}

fn sums(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[tokio::test]
#[ignore = "needs cargo-lambda: make test"]
async fn a_login_is_measured_before_it_is_answered_one_at_a_time_or_four() {
    for concurrency in ["1", "4"] {
        let folder = scratch::directory();
        let mut variables = login_variables(folder.path()).await;
        variables.insert("METRICS".into(), "emf".into());
        let login = Lambda::start("login", concurrency, variables);
        assert_eq!(login.request("GET", "/login").send().status, 405);
        // Lambda may freeze the process right behind an answer: nothing is waited for here.
        assert_eq!(
            login.sums().get("login_total FunctionName=prod-auth outcome=method_not_allowed"),
            Some(&1.0)
        );
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let request = login.request("POST", "/login").basic(USER.0, USER.1);
                scope.spawn(|| assert_eq!(request.send().status, 200));
            }
        });
        let request = login.request("POST", "/login").basic("canary@example.com", "canary");
        assert_eq!(request.send().status, 401);
        let mut measured = login.sums();
        let statements = measured.remove("database_query_duration_seconds FunctionName=prod-auth");
        assert!(statements.is_some_and(|count| count >= 10.0), "{statements:?}");
        assert_eq!(
            measured,
            sums(&[
                ("hash_duration_seconds FunctionName=prod-auth", 5.0),
                ("hash_queue_seconds FunctionName=prod-auth", 5.0),
                ("login_total FunctionName=prod-auth outcome=authn_login_fail", 1.0),
                ("login_total FunctionName=prod-auth outcome=authn_login_success", 4.0),
                ("login_total FunctionName=prod-auth outcome=method_not_allowed", 1.0),
            ]),
            "{concurrency} at once"
        );
        let log = login.0.function.log();
        assert!(!log.contains("canary") && !log.contains(USER.0), "{log}");
    }
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn validations_are_measured_and_so_is_the_age_of_the_keys() {
    let folder = scratch::directory();
    let path = folder.path().join("key");
    std::fs::write(&path, SECRET).expect("scratch");
    let file = path.to_str().expect("UTF-8");
    let variables = environment(&[("JWT_SECRET_FILE", file), ("METRICS", "emf")]);
    let validate = Lambda::start("validate", "1", variables);
    let good = token("ada@example.com", false);
    for (token, status) in [(good.as_str(), 200), (&good, 200), ("x.y.z", 403)] {
        assert_eq!(validate.request("GET", "/validate").bearer(token).send().status, status);
    }
    let mut measured = validate.sums();
    let age = measured.remove("secret_age_seconds FunctionName=prod-auth secret=jwt");
    assert!(age.is_some_and(|age| age > 0.0), "{age:?}");
    assert_eq!(
        measured,
        sums(&[
            ("validate_total FunctionName=prod-auth outcome=authn_token_verified", 2.0),
            ("validate_total FunctionName=prod-auth outcome=authz_fail", 1.0),
        ])
    );
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn without_the_variable_there_is_no_line() {
    let validate = Lambda::start("validate", "1", environment(&[("JWT_SECRET", SECRET)]));
    assert_eq!(validate.request("GET", "/validate").send().status, 401);
    assert!(!validate.0.function.log().contains("_aws"), "{}", validate.0.function.log());
}
