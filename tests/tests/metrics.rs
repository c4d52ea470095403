//! Metrics for Prometheus on a separate port, and for CloudWatch as log lines in the embedded
//! metric format.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{collections::BTreeMap, fs, net::TcpListener, slice, thread, time::Duration};

use serde_json::{Value, json};
use system_tests::{
    Connection, Environment, Lambda, SECRET, Service, Sqlite, USER, basic, environment,
    forge::encode, head, key_in_file, scratch, token, wait, with,
};

/// A request, its `Authorization` (or "" for none), how often it is sent, the expected status, and
/// the outcome under which it is counted (or "" for none).
type Row<'a> = (&'a str, &'a str, u32, u16, &'a str);

/// Sends the first requests to a function and checks its counters. `outcomes` is the number of
/// series, which exist from the start.
fn assert_counted(function: &Service, metric: &str, outcomes: usize, rows: &[Row<'_>]) {
    let mut expected = function.series(metric);
    assert!(expected.len() == outcomes && expected.values().sum::<f64>() < 0.5, "{expected:?}");
    for &(request, authorization, times, status, outcome) in rows {
        let (method, path) = request.split_once(' ').unwrap();
        for _ in 0..times {
            let request = function.request(method, path);
            let answer = match authorization {
                "" => request.send(),
                value => request.header("authorization", value).send(),
            };
            assert_eq!(answer.status, status, "{method} {path}");
        }
        if !outcome.is_empty() {
            *expected.entry(format!("outcome=\"{outcome}\"")).or_default() += f64::from(times);
        }
    }
    assert_eq!(function.series(metric), expected);
}

#[tokio::test]
async fn login_metrics_count_requests_and_hashes_and_contain_no_data_of_a_request() {
    let store = Sqlite::of_contract().await;
    let key = [("JWT_SECRET", "canary in a mine of coal, 1234 feet below")];
    let login = Service::start_with_metrics("login", with(store.variables(), &key));
    let [user, unknown] = [USER, ("canary@example.com", "x")].map(|(name, it)| basic(name, it));
    let rows = [
        ("POST /login", &*user, 1, 200, "authn_login_success"),
        ("POST /login", &unknown, 5, 401, "authn_login_fail"),
        ("POST /login", &unknown, 1, 429, "authn_login_fail_max"),
        ("POST /login", "", 2, 401, "authn_credentials_missing"),
        ("GET /login", "", 1, 405, "method_not_allowed"),
        ("POST /canary?canary=1", "", 1, 404, "not_found"),
        ("GET /metrics", "", 1, 404, "not_found"),
        // Probes are not counted as requests.
        ("GET /healthz", "", 1, 200, ""),
        ("GET /readyz", "", 1, 200, ""),
    ];
    assert_counted(&login, "login_total", 8, &rows);
    // Locked logins and requests without credentials compute no hash.
    for series in [
        "hash_duration_seconds_count",
        "hash_duration_seconds_bucket{le=\"+Inf\"}",
        "hash_queue_seconds_count",
    ] {
        assert_eq!(login.value(series), Some(6.0), "{series}");
    }
    // Each login looks the user up.
    let statements = login.value("database_query_duration_seconds_count").unwrap();
    assert!((7.0..20.0).contains(&statements), "{statements}");
    let hashing = login.value("hash_duration_seconds_sum").unwrap();
    assert!((0.006..6.0).contains(&hashing), "{hashing} s");
    let text = login.metrics();
    for part in ["canary", "Ada", "ada", "@", "127.0.0.1", "eyJ"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_client_that_disconnects_is_counted_as_such() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("mysql://u:p@{}/a", silent.local_addr().unwrap());
    let login = Service::start_with_metrics("login", environment(&[("DATABASE_URL", &url)]));
    let _probe = silent.accept().expect("a connection of the health check");
    let mut gone = Connection::to(&login);
    let credentials = format!("Authorization: {}\r\n", basic("gone@example.com", "x"));
    gone.send(head("POST /login", &credentials)).unwrap();
    // Once it has connected, the login is being processed.
    let _connection = silent.accept().unwrap();
    drop(gone);
    wait::until("it is counted", Duration::from_secs(10), || {
        let counted = login.value("login_total{outcome=\"client_closed_request\"}");
        (counted == Some(1.0)).then_some(())
    });
    assert!((login.series("login_total").values().sum::<f64>() - 1.0).abs() < 0.5, "once");
}

#[test]
fn validations_are_counted_by_outcome() {
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    let good = [
        ("GET /", &*bearer, 7, 200, "authn_token_verified"),
        ("GET /", "Bearer x.y.z", 1, 403, "authz_fail"),
    ];
    let with_issuer = [
        // The token lacks the configured issuer.
        ("GET /validate", &*bearer, 3, 403, "authz_fail"),
        ("GET /validate", "", 1, 401, "authn_credentials_missing"),
    ];
    let published = [
        ("GET /.well-known/jwks.json", "", 1, 200, "key_set"),
        ("GET /.well-known/openid-configuration", "", 1, 200, "openid_configuration"),
        ("GET /other", "", 1, 404, "not_found"),
        ("POST /.well-known/jwks.json", "", 1, 405, "method_not_allowed"),
    ];
    let issuer = ("JWT_ISSUER", "https://auth.example.com");
    for (name, variables, rows, cached) in [
        ("validate", &[][..], good.to_vec(), [6.0, 2.0]),
        ("authorizer", &[issuer], with_issuer.to_vec(), [0.0, 3.0]),
        ("validate", &[issuer], [with_issuer.to_vec(), published.to_vec()].concat(), [0.0, 3.0]),
    ] {
        let function = Service::start_with_metrics(name, environment(variables));
        assert_counted(&function, "validate_total", 9, &rows);
        let results = ["result=\"hit\"", "result=\"miss\""].map(str::to_owned);
        assert_eq!(function.series("token_cache_total"), results.into_iter().zip(cached).collect());
        assert!(function.series("secret_age_seconds").is_empty(), "a variable cannot change");
        // A symmetric key has no derived `kid`: a hash would help guessing the key.
        assert_eq!(keys(&function), [r#"kid="",alg="HS256""#]);
    }
}

fn keys(function: &Service) -> Vec<String> {
    let all = function.series("key_info");
    assert!(all.values().all(|value| (value - 1.0).abs() < f64::EPSILON), "{all:?}");
    all.into_keys().collect()
}

#[test]
fn metrics_have_the_keys_in_memory_the_age_of_a_secret_and_its_fetch_failures() {
    let folder = scratch::directory();
    let path = folder.path().join("key");
    let write = |kid: &str| {
        let key = json!({ "kty": "oct", "kid": kid, "k": encode(SECRET.repeat(2)) });
        fs::write(&path, json!({ "keys": [key] }).to_string()).unwrap();
    };
    write("old");
    let file = path.to_str().unwrap();
    let variables = [("JWT_SECRET_FILE", file), ("SECRET_REFRESH_SECONDS", "1")];
    let validate = Service::start_with_metrics("validate", environment(&variables));
    // A request triggers the refresh of the key.
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let token = token("ada@example.com", false);
        wait::until(what, Duration::from_secs(20), || {
            let _ = validate.request("GET", "/").bearer(&token).send();
            holds().then_some(())
        });
    };
    let age = || validate.value("secret_age_seconds{secret=\"jwt\"}").unwrap();
    let failures = || validate.value("secret_fetch_failures_total{secret=\"jwt\"}").unwrap();

    assert_eq!(keys(&validate), [r#"kid="old",alg="HS256""#]);
    assert!(failures().abs() < f64::EPSILON);
    wait::until("the key is 1.5 s old", Duration::from_secs(20), || (age() > 1.5).then_some(()));
    write("new");
    until("the old key is gone", &|| keys(&validate) == [r#"kid="new",alg="HS256""#]);
    assert!(age() < 1.5, "the new key was just fetched");
    fs::remove_file(&path).unwrap();
    until("a failure is counted", &|| failures() > 0.0);
}

#[test]
fn the_metrics_port_is_optional_and_serves_only_metrics_to_a_limited_number_of_connections() {
    let without = Service::start("validate", Environment::new());
    assert!(!without.log().contains("listening for metrics"));
    let validate = Service::start_with_metrics("validate", Environment::new());
    assert_eq!(validate.request("GET", "/metrics").send().status, 404);
    for path in ["/", "/login", "/validate", "/healthz", "/readyz", "/metrics/", "/x/metrics"] {
        assert_eq!(validate.send_to_metrics_port("GET", path).status, 404, "{path}");
    }
    let post = validate.send_to_metrics_port("POST", "/metrics");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(validate.send_to_metrics_port("HEAD", "/metrics").status, 200);

    let open = || Connection::open(validate.metrics_port).unwrap();
    let long = head("GET /metrics", &format!("X: {}\r\n", "x".repeat(17_000)));
    assert_eq!(open().exchange(long).unwrap().status, 431);
    let request = head("GET /metrics", "");
    let mut kept: Vec<Connection> = (0..16).map(|_| open()).collect();
    for connection in &mut kept {
        assert_eq!(connection.exchange(&request).unwrap().status, 200);
    }
    let mut next = open();
    next.send(&request).unwrap();
    assert!(next.is_silent(Duration::from_millis(500)), "a seventeenth connection");
    // Other requests have a separate limit.
    assert_eq!(validate.request("GET", "/").send().status, 401);
    kept.pop();
    assert_eq!(next.answer().unwrap().status, 200, "after another has closed");
}

const EMBEDDED: (&str, &str) = ("METRICS", "emf");

/// The embedded metrics logged so far, by metric and outcome: sums of counters, and the number of
/// values in seconds.
fn embedded(lambda: &Lambda) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in lambda.function.log().lines().filter(|line| line.contains("\"_aws\"")) {
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document["FunctionName"], "prod-auth", "{line}");
        let outcome = document["outcome"].as_str().unwrap_or_default();
        for directive in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "AuthFunctions", "{line}");
            let dimensions = directive["Dimensions"][0].as_array().unwrap();
            assert!(dimensions.contains(&"FunctionName".into()), "{line}");
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let values = &document[name];
                let values = values.as_array().map_or(slice::from_ref(values), Vec::as_slice);
                let sum: f64 = match metric["Unit"].as_str() {
                    Some("Count") => values.iter().map(|value| value.as_f64().unwrap()).sum(),
                    Some("Seconds") => values.iter().map(|_| 1.0).sum(),
                    other => panic!("{other:?}: {line}"),
                };
                *sums.entry(format!("{name} {outcome}").trim_end().to_owned()).or_default() += sum;
            }
        }
    }
    sums
}

#[tokio::test]
#[ignore = "needs cargo-lambda: make test"]
async fn a_login_is_measured_before_it_is_answered_with_concurrency_1_or_4() {
    let store = Sqlite::of_contract().await;
    for concurrency in ["1", "4"] {
        let login = Lambda::start("login", concurrency, with(store.variables(), &[EMBEDDED]));
        assert_eq!(login.request("GET", "/login").send().status, 405);
        // No wait before this: Lambda may freeze the process right after an answer.
        assert_eq!(embedded(&login).get("login_total method_not_allowed"), Some(&1.0));
        thread::scope(|scope| {
            for _ in 0..4 {
                let request = login.request("POST", "/login").basic(USER.0, USER.1);
                scope.spawn(|| assert_eq!(request.send().status, 200));
            }
        });
        let request = login.request("POST", "/login").basic("canary@example.com", "canary");
        assert_eq!(request.send().status, 401);
        let mut measured = embedded(&login);
        assert!(measured.remove("database_query_duration_seconds").unwrap() >= 5.0);
        let expected = [
            ("hash_duration_seconds", 5.0),
            ("hash_queue_seconds", 5.0),
            ("login_total authn_login_fail", 1.0),
            ("login_total authn_login_success", 4.0),
            ("login_total method_not_allowed", 1.0),
        ];
        assert_eq!(measured, expected.map(|(name, sum)| (name.to_owned(), sum)).into());
        let log = login.function.log();
        assert!(!log.contains("canary") && !log.contains(USER.0), "{log}");
    }
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn embedded_metrics_of_validate_are_written_only_if_their_variable_is_set() {
    let folder = scratch::directory();
    let validate = Lambda::start("validate", "1", with(key_in_file(folder.path()), &[EMBEDDED]));
    let good = token("ada@example.com", false);
    for (token, status) in [(good.as_str(), 200), (&good, 200), ("x.y.z", 403)] {
        assert_eq!(validate.request("GET", "/validate").bearer(token).send().status, status);
    }
    let mut measured = embedded(&validate);
    assert!(measured.remove("secret_age_seconds").unwrap() > 0.0);
    let expected = [
        ("token_cache_total", 3.0),
        ("validate_total authn_token_verified", 2.0),
        ("validate_total authz_fail", 1.0),
    ];
    assert_eq!(measured, expected.map(|(name, sum)| (name.to_owned(), sum)).into());

    let silent = Lambda::start("validate", "1", Environment::new());
    assert_eq!(silent.request("GET", "/validate").send().status, 401);
    assert!(embedded(&silent).is_empty(), "{}", silent.function.log());
}
