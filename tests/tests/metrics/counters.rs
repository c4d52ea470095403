//! Every request is counted once, by what came of it.

use std::{net::TcpListener, time::Duration};

use system_tests::{
    contract::{USER, token},
    environment,
    http::basic,
    raw::{Connection, head},
    service::Service,
    stores::Sqlite,
    wait, with,
};

/// A request, the `Authorization` of its client (an empty one is none), how often it is sent, its
/// status, and the outcome that it is counted by (an empty one is none).
type Row<'a> = (&'a str, &'a str, u32, u16, &'a str);

/// That these requests, of all that the function got, are counted so; `outcomes` is how many there
/// are, all of which are there from the start.
fn are_counted(function: &Service, metric: &str, outcomes: usize, rows: &[Row<'_>]) {
    let mut expected = function.all(metric);
    assert!(expected.len() == outcomes && expected.values().sum::<f64>() < 0.5, "{expected:?}");
    for &(request, authorization, times, status, outcome) in rows {
        let (method, path) = request.split_once(' ').expect("a method and a path");
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
    assert_eq!(function.all(metric), expected);
}

#[tokio::test]
async fn logins_are_counted_by_outcome_and_their_hashes_are_measured() {
    let store = Sqlite::of_contract().await;
    let login = Service::start_measured("login", store.variables());
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
    for series in [
        "hash_duration_seconds_count",
        "hash_duration_seconds_bucket{le=\"+Inf\"}",
        "hash_queue_seconds_count",
    ] {
        assert_eq!(login.get(series), Some(6.0), "{series}");
    }
    let statements = login.get("database_query_duration_seconds_count");
    // Each login looks the user up.
    assert!(statements.is_some_and(|count| (7.0..20.0).contains(&count)), "{statements:?}");
    let hashing = login.get("hash_duration_seconds_sum").expect("a sum");
    assert!((0.006..6.0).contains(&hashing), "{hashing} s");
}

#[test]
fn what_is_out_of_reach_is_counted_as_unavailable() {
    let url = format!("mysql://u:p@127.0.0.1:{}/auth", wait::free_port());
    let login = Service::start_measured("login", environment(&[("DATABASE_URL", &url)]));
    let rows = [("POST /login", &*basic("a@example.com", "x"), 1, 503, "service_unavailable")];
    are_counted(&login, "login_total", 8, &rows);
}

#[test]
fn a_client_that_hangs_up_is_counted_as_such() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("mysql://u:p@{}/a", silent.local_addr().expect("an address"));
    let login = Service::start_measured("login", environment(&[("DATABASE_URL", &url)]));
    let _probe = silent.accept().expect("readiness asks the database");
    let mut gone = Connection::to(&login);
    let credentials = format!("Authorization: {}\r\n", basic("gone@example.com", "x"));
    gone.send(head("POST /login", &credentials)).expect("it listens");
    // The login is under way once it has connected.
    let _connection = silent.accept().expect("login connects");
    drop(gone);
    wait::until("it is counted", Duration::from_secs(10), || {
        let counted = login.get("login_total{outcome=\"client_closed_request\"}");
        (counted == Some(1.0)).then_some(())
    });
    assert!((login.all("login_total").values().sum::<f64>() - 1.0).abs() < 0.5, "once");
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
        let function = Service::start_measured(name, environment(variables));
        are_counted(&function, "validate_total", 9, &rows);
    }
}

#[tokio::test]
async fn nothing_of_a_request_or_of_a_secret_is_in_them() {
    let store = Sqlite::of_contract().await;
    let key = [("JWT_SECRET", "canary in a mine of coal, 1234 feet below")];
    let login = Service::start_measured("login", with(store.variables(), &key));
    let post = |path| login.request("POST", path);
    let logged_in = post("/login").basic(USER.0, USER.1).header("x-request-id", "canary").send();
    assert_eq!(logged_in.status, 200);
    assert_eq!(post("/login").basic("canary@example.com", "canary").send().status, 401);
    assert_eq!(post("/canary?canary=1").header("user-agent", "canary").send().status, 404);
    let text = login.metrics();
    for part in ["canary", "Ada", "ada", "@", "127.0.0.1", logged_in.text()] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}
