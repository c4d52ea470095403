//! Keys and secrets, as they are looked up when somebody asks.

use std::{fs, time::Duration};

use serde_json::json;
use system_tests::{
    contract::{SECRET, token},
    forge::{KeyPair, encode},
    metrics::MeasuredService,
    scratch, wait,
};

use super::environment;

fn key_set(kids: &[&str]) -> String {
    let key = |kid: &&str| json!({ "kty": "oct", "kid": kid, "k": encode(SECRET.repeat(2)) });
    let pair = KeyPair::new("ES256").public_jwk();
    let mut keys: Vec<_> = kids.iter().map(key).collect();
    keys.push(pair);
    json!({ "keys": keys }).to_string()
}

#[test]
fn each_key_in_memory_is_named_and_vanishes_with_its_rotation() {
    let folder = scratch::directory();
    let path = folder.path().join("keys.json");
    fs::write(&path, key_set(&["old", "a\"b\nc\\d", &"x".repeat(200)])).expect("scratch");
    let file = path.to_str().expect("UTF-8");
    let variables = [("JWT_SECRET_FILE", file), ("SECRET_REFRESH_SECONDS", "1")];
    let validate = MeasuredService::start("validate", environment(&variables));
    let names = |metrics: &system_tests::metrics::Metrics| {
        let names = metrics.all("key_info").into_keys().map(str::to_owned);
        names.filter(|name| name.contains("HS256")).collect::<Vec<_>>()
    };
    let before = validate.metrics();
    let long = format!("kid=\"{}\",alg=\"HS256\"", "x".repeat(64));
    // Ordered by the map.
    let mut expected = vec![
        r#"kid="a\"b_c\\d",alg="HS256""#.to_owned(),
        r#"kid="old",alg="HS256""#.to_owned(),
        long,
    ];
    expected.sort();
    assert_eq!(names(&before), expected, "{}", before.text);
    assert!(before.all("key_info").values().all(|value| (value - 1.0).abs() < f64::EPSILON));

    fs::write(&path, key_set(&["new"])).expect("scratch");
    let validate_one = || {
        let request = validate.service.request("GET", "/").bearer(&token("a@example.com", false));
        let _ = request.send();
    };
    wait::until("the old keys are gone", Duration::from_secs(20), || {
        validate_one();
        let now = names(&validate.metrics());
        (now == [r#"kid="new",alg="HS256""#]).then_some(())
    });
}

#[test]
fn a_secret_grows_old_until_it_is_fetched_again_and_a_failure_is_counted() {
    let folder = scratch::directory();
    let path = folder.path().join("key");
    fs::write(&path, SECRET).expect("scratch");
    let file = path.to_str().expect("UTF-8");
    let variables = [("JWT_SECRET_FILE", file), ("SECRET_REFRESH_SECONDS", "1")];
    let validate = MeasuredService::start("validate", environment(&variables));
    let age = || validate.metrics().get("secret_age_seconds{secret=\"jwt\"}").expect("an age");
    let failures = || validate.metrics().get("secret_fetch_failures_total{secret=\"jwt\"}");
    assert_eq!(failures(), Some(0.0));
    wait::until("it grows old", Duration::from_secs(5), || (age() > 2.0).then_some(()));
    let validate_one = || {
        let request = validate.service.request("GET", "/").bearer(&token("a@example.com", false));
        assert_eq!(request.send().status, 200);
    };
    validate_one();
    wait::until("it was fetched", Duration::from_secs(5), || (age() < 1.5).then_some(()));
    fs::remove_file(&path).expect("it is there");
    wait::until("a failure is counted", Duration::from_secs(10), || {
        validate_one();
        (failures()? > 0.0).then_some(())
    });
}

#[test]
fn a_secret_that_cannot_change_has_no_age() {
    let validate = MeasuredService::start("validate", environment(&[("JWT_SECRET", SECRET)]));
    assert!(validate.metrics().all("secret_age_seconds").is_empty());
    // Nor has a key a name that is a plain text: its hash would invite guesses.
    let keys = validate.metrics();
    let keys: Vec<_> = keys.all("key_info").into_keys().collect();
    assert_eq!(keys, [r#"kid="",alg="HS256""#]);
}
