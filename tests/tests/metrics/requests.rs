//! Every request is counted once, by what came of it.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use system_tests::{
    contract::{SECRET, USER, token},
    http::basic,
    metrics::MeasuredService,
    raw::{Connection, head},
    scratch,
    service::Service,
    wait,
};

use super::{environment, login_variables};

const LIMIT: Duration = Duration::from_secs(10);

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn logins_are_counted_by_outcome_and_their_hashes_are_measured() {
    let folder = scratch::directory();
    let login = MeasuredService::start("login", login_variables(folder.path()).await);
    let service = &login.service;
    assert_eq!(login.metrics().outcomes("login_total"), counts(&[]));
    let zeros = login.metrics().all("login_total").len();
    assert_eq!(zeros, 8, "{}", login.metrics().text);

    let post = || service.request("POST", "/login");
    assert_eq!(post().basic(USER.0, USER.1).send().status, 200);
    for _ in 0..5 {
        assert_eq!(post().basic("nobody@example.com", "x").send().status, 401);
    }
    assert_eq!(post().basic("nobody@example.com", "x").send().status, 429);
    for _ in 0..2 {
        assert_eq!(post().send().status, 401);
    }
    assert_eq!(service.request("GET", "/login").send().status, 405);
    assert_eq!(service.request("POST", "/other").send().status, 404);
    // Probes are nobody's requests.
    for path in ["/healthz", "/readyz"] {
        assert_eq!(service.request("GET", path).send().status, 200);
    }

    let expected = counts(&[
        ("authn_login_success", 1),
        ("authn_login_fail", 5),
        ("authn_login_fail_max", 1),
        ("authn_credentials_missing", 2),
        ("method_not_allowed", 1),
        ("not_found", 1),
    ]);
    let metrics = login.metrics();
    assert_eq!(metrics.outcomes("login_total"), expected);
    // Neither the lock nor what had no credentials was worth a hash.
    for name in ["hash_duration_seconds", "hash_queue_seconds"] {
        assert_eq!(metrics.get(&format!("{name}_count")), Some(6.0), "{name}");
        let last = format!("{name}_bucket{{le=\"+Inf\"}}");
        assert_eq!(metrics.get(&last), Some(6.0), "{name}");
    }
    let statements = metrics.get("database_query_duration_seconds_count");
    // Each login looks the user up, notes a check and ends it; the locked one has no end.
    assert!(statements.is_some_and(|count| (20.0..40.0).contains(&count)), "{statements:?}");
    let hashing = metrics.get("hash_duration_seconds_sum").expect("a sum");
    assert!((0.006..6.0).contains(&hashing), "{hashing} s");
}

#[test]
fn logins_without_a_database_are_counted_as_unavailable() {
    let url = format!("mysql://u:p@127.0.0.1:{}/auth", wait::free_port());
    let variables = environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]);
    let login = MeasuredService::start("login", variables);
    let request = login.service.request("POST", "/login").basic("a@example.com", "x");
    assert_eq!(request.send().status, 503);
    assert_eq!(login.metrics().outcomes("login_total"), counts(&[("service_unavailable", 1)]));
}

#[test]
fn a_client_that_hangs_up_is_counted_as_such() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = silent.local_addr().expect("an address");
    let variables = [("JWT_SECRET", SECRET), ("DATABASE_URL", &format!("mysql://u:p@{address}/a"))];
    let login = MeasuredService::start("login", environment(&variables));
    let _probe = silent.accept().expect("readiness asks the database");
    let mut gone = Connection::to(&login.service);
    let credentials = format!("Authorization: {}\r\n", basic("gone@example.com", "x"));
    gone.send(head("POST /login", &credentials)).expect("it listens");
    // The login is under way once it has connected.
    let _connection = silent.accept().expect("login connects");
    drop(gone);
    let expected = counts(&[("client_closed_request", 1)]);
    wait::until("it is counted", LIMIT, || {
        (login.metrics().outcomes("login_total") == expected).then_some(())
    });
}

#[test]
fn validations_are_counted_by_outcome() {
    for function in ["validate", "authorizer"] {
        let issuer = ("JWT_ISSUER", "https://auth.example.com");
        let variables = environment(&[("JWT_SECRET", SECRET), issuer]);
        let validate = MeasuredService::start(function, variables);
        assert_eq!(validate.metrics().all("validate_total").len(), 9);
        let get = |path| validate.service.request("GET", path);
        // It lacks the issuer that is demanded here.
        let token = token("ada@example.com", false);
        for _ in 0..3 {
            assert_eq!(get("/validate").bearer(&token).send().status, 403);
        }
        assert_eq!(get("/validate").send().status, 401);
        let mut expected = vec![("authz_fail", 3), ("authn_credentials_missing", 1)];
        if function == "validate" {
            for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
                assert_eq!(get(path).send().status, 200);
            }
            assert_eq!(get("/other").send().status, 404);
            let post = validate.service.request("POST", "/.well-known/jwks.json");
            assert_eq!(post.send().status, 405);
            let published = [("key_set", 1), ("openid_configuration", 1)];
            expected.extend(published.iter().chain(&[("not_found", 1), ("method_not_allowed", 1)]));
        }
        assert_eq!(validate.metrics().outcomes("validate_total"), counts(&expected), "{function}");
    }
}

#[test]
fn good_tokens_are_counted_and_so_are_validations_without_keys() {
    let validate = MeasuredService::start("validate", environment(&[("JWT_SECRET", SECRET)]));
    let token = token("ada@example.com", false);
    for _ in 0..7 {
        assert_eq!(validate.service.request("GET", "/").bearer(&token).send().status, 200);
    }
    let outcomes = validate.metrics().outcomes("validate_total");
    assert_eq!(outcomes, counts(&[("authn_token_verified", 7)]));

    let nobody = format!("http://127.0.0.1:{}", wait::free_port());
    let without = environment(&[
        ("JWT_SECRET_ID", "jwt"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &nobody),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    let start = |variables| Service::start_unready("validate", variables);
    let without = MeasuredService::start_by(without, start);
    assert_eq!(without.service.request("GET", "/").bearer(&token).send().status, 503);
    let metrics = without.metrics();
    assert_eq!(metrics.outcomes("validate_total"), counts(&[("service_unavailable", 1)]));
    let failures = metrics.get("secret_fetch_failures_total{secret=\"jwt\"}");
    assert!(failures.is_some_and(|failures| failures >= 1.0), "{failures:?}");
}
