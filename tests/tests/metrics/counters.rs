//! Every request is counted once, by what came of it.

use std::{collections::BTreeMap, net::TcpListener, time::Duration};

use system_tests::{
    contract::{SECRET, USER, token},
    http::basic,
    moto::Moto,
    raw::{Connection, head},
    scratch,
    service::Service,
    wait,
};

use system_tests::measured::{Measured, environment, login_variables};

/// A request, the `Authorization` of its client (an empty one is none), how often it is sent, its
/// status, and the outcome that it is counted by (an empty one is none).
type Row<'a> = (&'a str, &'a str, u32, u16, &'a str);

/// That these requests, of all that the function got, are counted so; `outcomes` is how many there
/// are, all of which are there from the start.
fn are_counted(function: &Measured, metric: &str, outcomes: usize, rows: &[Row<'_>]) {
    assert_eq!(function.metrics().outcomes(metric), (BTreeMap::new(), outcomes));
    let mut expected = BTreeMap::new();
    for &(request, authorization, times, status, outcome) in rows {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        for _ in 0..times {
            let request = function.service.request(method, path);
            let answer = match authorization {
                "" => request.send(),
                value => request.header("authorization", value).send(),
            };
            assert_eq!(answer.status, status, "{method} {path}");
        }
        if !outcome.is_empty() {
            *expected.entry(outcome).or_default() += times;
        }
    }
    let zeros = outcomes - expected.len();
    assert_eq!(function.metrics().outcomes(metric), (expected, zeros));
}

#[tokio::test]
async fn logins_are_counted_by_outcome_and_their_hashes_are_measured() {
    let folder = scratch::directory();
    let login = Measured::start("login", login_variables(folder.path()).await);
    let [user, unknown] = [USER, ("unknown@example.com", "x")].map(|(name, it)| basic(name, it));
    let rows = [
        ("POST /login", &*user, 1, 200, "authn_login_success"),
        ("POST /login", &unknown, 5, 401, "authn_login_fail"),
        ("POST /login", &unknown, 1, 429, "authn_login_fail_max"),
        ("POST /login", "", 2, 401, "authn_credentials_missing"),
        ("GET /login", "", 1, 405, "method_not_allowed"),
        ("POST /other", "", 1, 404, "not_found"),
        // Probes are not counted as requests.
        ("GET /healthz", "", 1, 200, ""),
        ("GET /readyz", "", 1, 200, ""),
    ];
    are_counted(&login, "login_total", 8, &rows);
    // Neither the lock nor what had no credentials was worth a hash.
    for name in ["hash_duration_seconds", "hash_queue_seconds"] {
        assert_eq!(login.get(&format!("{name}_count")), Some(6.0), "{name}");
        let last = format!("{name}_bucket{{le=\"+Inf\"}}");
        assert_eq!(login.get(&last), Some(6.0), "{name}");
    }
    let statements = login.get("database_query_duration_seconds_count");
    // Each login looks the user up.
    assert!(statements.is_some_and(|count| (7.0..20.0).contains(&count)), "{statements:?}");
    let hashing = login.get("hash_duration_seconds_sum").expect("a sum");
    assert!((0.006..6.0).contains(&hashing), "{hashing} s");
}

#[test]
fn logins_without_a_database_are_counted_as_unavailable() {
    let url = format!("mysql://u:p@127.0.0.1:{}/auth", wait::free_port());
    let variables = environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]);
    let login = Measured::start("login", variables);
    let rows = [("POST /login", &*basic("a@example.com", "x"), 1, 503, "service_unavailable")];
    are_counted(&login, "login_total", 8, &rows);
}

#[test]
fn a_client_that_hangs_up_is_counted_as_such() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = silent.local_addr().expect("an address");
    let variables = [("JWT_SECRET", SECRET), ("DATABASE_URL", &format!("mysql://u:p@{address}/a"))];
    let login = Measured::start("login", environment(&variables));
    let _probe = silent.accept().expect("readiness asks the database");
    let mut gone = Connection::to(&login.service);
    let credentials = format!("Authorization: {}\r\n", basic("gone@example.com", "x"));
    gone.send(head("POST /login", &credentials)).expect("it listens");
    // The login is under way once it has connected.
    let _connection = silent.accept().expect("login connects");
    drop(gone);
    let expected = ([("client_closed_request", 1)].into(), 7);
    wait::until("it is counted", Duration::from_secs(10), || {
        (login.metrics().outcomes("login_total") == expected).then_some(())
    });
}

#[test]
fn validations_are_counted_by_outcome() {
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    let good = [("GET /", &*bearer, 7, 200, "authn_token_verified")];
    let asked = [
        // The token lacks the issuer that is demanded here.
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
    for (name, variables, rows) in [
        ("validate", &[][..], good.to_vec()),
        ("authorizer", &[issuer], asked.to_vec()),
        ("validate", &[issuer], [asked.to_vec(), published.to_vec()].concat()),
    ] {
        let variables = environment(&[&[("JWT_SECRET", SECRET)], variables].concat());
        are_counted(&Measured::start(name, variables), "validate_total", 9, &rows);
    }
}

#[test]
fn validations_without_keys_are_counted_as_unavailable_and_so_is_the_failed_fetch() {
    let mut variables = Moto::variables_for(wait::free_port());
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    let start = |variables| Service::start_unready("validate", variables);
    let validate = Measured::start_by(variables, start);
    let bearer = format!("Bearer {}", token("ada@example.com", false));
    let rows = [("GET /", &*bearer, 1, 503, "service_unavailable")];
    are_counted(&validate, "validate_total", 9, &rows);
    let failures = validate.get("secret_fetch_failures_total{secret=\"jwt\"}");
    assert!(failures.is_some_and(|failures| failures >= 1.0), "{failures:?}");
}
