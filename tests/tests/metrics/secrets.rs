//! Keys and secrets, as they are looked up when metrics are read.

use std::{fs, time::Duration};

use serde_json::json;
use system_tests::{
    Environment,
    contract::{SECRET, token},
    environment,
    forge::{encode, generate, public_jwk},
    measured::Measured,
    scratch, wait,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(20);

/// `validate` with a key in a file, which it fetches every second.
struct Keyed {
    validate: Measured,
    folder: TempDir,
}

impl Keyed {
    fn start(key: &str) -> Self {
        let folder = scratch::directory();
        let path = folder.path().join("key");
        fs::write(&path, key).expect("scratch can be written");
        let file = path.to_str().expect("UTF-8");
        let variables = [("JWT_SECRET_FILE", file), ("SECRET_REFRESH_SECONDS", "1")];
        Self { validate: Measured::start("validate", environment(&variables)), folder }
    }

    /// Sends requests, behind which the key is fetched, until something holds.
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let token = token("ada@example.com", false);
        wait::until(what, LIMIT, || {
            let _ = self.validate.service.request("GET", "/").bearer(&token).send();
            holds().then_some(())
        });
    }

    /// The labels of the keys of HS256.
    fn keys(&self) -> Vec<String> {
        let all = self.validate.all("key_info");
        assert!(all.values().all(|value| (value - 1.0).abs() < f64::EPSILON), "{all:?}");
        all.into_keys().filter(|name| name.contains("HS256")).collect()
    }
}

fn key_set(kids: &[&str]) -> String {
    let key = |kid: &&str| json!({ "kty": "oct", "kid": kid, "k": encode(SECRET.repeat(2)) });
    let mut keys: Vec<_> = kids.iter().map(key).collect();
    keys.push(public_jwk(&generate()));
    json!({ "keys": keys }).to_string()
}

#[test]
fn each_key_in_memory_is_named_and_vanishes_with_its_rotation() {
    let keyed = Keyed::start(&key_set(&["old", "a\"b\nc\\d", &"x".repeat(200)]));
    let long = format!("kid=\"{}\",alg=\"HS256\"", "x".repeat(64));
    let names = [r#"kid="a\"b_c\\d",alg="HS256""#, r#"kid="old",alg="HS256""#, &long];
    assert_eq!(keyed.keys(), names);
    fs::write(keyed.folder.path().join("key"), key_set(&["new"])).expect("scratch");
    keyed.until("the old keys are gone", || keyed.keys() == [r#"kid="new",alg="HS256""#]);
}

#[test]
fn a_secret_grows_old_until_it_is_fetched_again_and_a_failure_is_counted() {
    let keyed = Keyed::start(SECRET);
    let age = || keyed.validate.get("secret_age_seconds{secret=\"jwt\"}").expect("a series");
    let failures = "secret_fetch_failures_total{secret=\"jwt\"}";
    let failures = || keyed.validate.get(failures).expect("a series");
    assert!(failures().abs() < f64::EPSILON);
    wait::until("it grows old", LIMIT, || (age() > 1.5).then_some(()));
    keyed.until("it was fetched", || age() < 1.0);
    fs::remove_file(keyed.folder.path().join("key")).expect("it is there");
    keyed.until("a failure is counted", || failures() > 0.0);
}

#[test]
fn a_secret_that_cannot_change_has_no_age() {
    let validate = Measured::start("validate", Environment::new());
    assert!(validate.all("secret_age_seconds").is_empty());
    // Nor has a key a name that is a plain text: its hash would invite guesses.
    let keys: Vec<_> = validate.all("key_info").into_keys().collect();
    assert_eq!(keys, [r#"kid="",alg="HS256""#]);
}
