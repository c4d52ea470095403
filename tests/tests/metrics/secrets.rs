//! Keys and secrets, as they are looked up when metrics are read.

use std::{fs, time::Duration};

use serde_json::json;
use system_tests::{
    Environment,
    contract::{SECRET, token},
    environment,
    forge::encode,
    scratch,
    service::Service,
    wait,
};

const LIMIT: Duration = Duration::from_secs(20);

fn key_set(kid: &str) -> String {
    json!({ "keys": [{ "kty": "oct", "kid": kid, "k": encode(SECRET.repeat(2)) }] }).to_string()
}

fn keys(validate: &Service) -> Vec<String> {
    let all = validate.all("key_info");
    assert!(all.values().all(|value| (value - 1.0).abs() < f64::EPSILON), "{all:?}");
    all.into_keys().collect()
}

#[test]
fn each_key_in_memory_is_named_and_a_secret_has_an_age_and_its_failures_are_counted() {
    let folder = scratch::directory();
    let path = folder.path().join("key");
    fs::write(&path, key_set("old")).expect("scratch can be written");
    let file = path.to_str().expect("UTF-8");
    let variables = [("JWT_SECRET_FILE", file), ("SECRET_REFRESH_SECONDS", "1")];
    let validate = Service::start_measured("validate", environment(&variables));
    // Behind a request the key is fetched.
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let token = token("ada@example.com", false);
        wait::until(what, LIMIT, || {
            let _ = validate.request("GET", "/").bearer(&token).send();
            holds().then_some(())
        });
    };
    let age = || validate.get("secret_age_seconds{secret=\"jwt\"}").expect("a series");
    let failures = "secret_fetch_failures_total{secret=\"jwt\"}";
    let failures = || validate.get(failures).expect("a series");

    assert_eq!(keys(&validate), [r#"kid="old",alg="HS256""#]);
    assert!(failures().abs() < f64::EPSILON);
    wait::until("it grows old", LIMIT, || (age() > 1.5).then_some(()));
    fs::write(&path, key_set("new")).expect("scratch can be written");
    until("the old key is gone", &|| keys(&validate) == [r#"kid="new",alg="HS256""#]);
    assert!(age() < 1.5, "it was fetched");
    fs::remove_file(&path).expect("it is there");
    until("a failure is counted", &|| failures() > 0.0);
}

#[test]
fn a_secret_that_cannot_change_has_no_age() {
    let validate = Service::start_measured("validate", Environment::new());
    assert!(validate.all("secret_age_seconds").is_empty());
    // Nor has a key a name that is a plain text: its hash would invite guesses.
    assert_eq!(keys(&validate), [r#"kid="",alg="HS256""#]);
}
