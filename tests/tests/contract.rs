//! The contract over HTTP and through each AWS gateway. No credential of its rows is logged, even
//! at `trace`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::{
    DatabaseServer, Environment, Lambda, Request, SECRET, Service, Sqlite, USER, add_users,
    environment, lambda, mariadb, mysql9, service::check_contract, start_both, token, users, wait,
    with,
};

const TRACE: (&str, &str) = ("RUST_LOG", "trace");

/// Panics if the log contains data of a client other than paths, or a secret. Credentials are also
/// searched in Base64, and the database's password in part.
fn assert_no_credentials(log: &str) {
    assert!(log.contains("authn_login_success") || log.contains("authn_token_verified"), "{log}");
    let parts = "eyJ|Basic |Bearer |Lovelace|QWRhLkxvdmVsYWNl|pässwörd|canary|wörd€".split('|');
    for credential in parts.chain([SECRET]) {
        assert!(!log.contains(credential), "{credential} is in the log");
    }
}

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    check_contract(&start_both(Sqlite::of_contract().await.variables()));
}

async fn check_on(server: &DatabaseServer) {
    add_users(server).await;
    let start = |name, variables| Service::start(name, with(variables, &[TRACE]));
    let login = start("login", server.login_variables());
    let functions = [login, start("validate", Environment::new())];
    check_contract(&functions);
    let log = functions[0].log();
    for reason in ["no stored hash that login supports", "the user is disabled"] {
        assert!(log.contains(&format!("\"reason\":\"{reason}")), "{reason}: {log}");
    }
    for function in functions {
        let request = function.request("POST", "/?canary").header("x-canary", "canary");
        assert_eq!(request.body("canary").send().status, 401);
        let (status, log) = function.terminate();
        assert!(status.success(), "{status}");
        assert_no_credentials(&log);
    }
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn the_contract_holds_on_mysql_9() {
    let server = mysql9::start();
    check_on(&server).await;
}

#[tokio::test]
#[ignore = "needs MariaDB and cargo-lambda: make test"]
async fn the_contract_holds_on_mariadb_and_through_every_aws_gateway() {
    let server = mariadb::shared();
    check_on(&server).await;
    server.sql(
        "ALTER TABLE auth.user ADD teams TEXT; GRANT SELECT (teams) ON auth.user TO auth_user@'%'",
    );
    let all = [("BASE_PATH", "/auth"), TRACE];
    let validate = with(environment(&all), &[("TOKEN_COOKIE", "token")]);
    let validate = Lambda::start("validate", "1", validate);
    // Each gateway sends the same wrong passwords.
    let more = [("LOGIN_MAX_FAILURES", "100"), ("USER_GROUPS_COLUMN", "teams")];
    let login = users::login_variables(with(server.login_variables(), &all), &more);
    let login = Lambda::start("login", "1", login);
    lambda::check_contract(&login, &validate);
    let user = "jörg@example.com";
    let cookie = format!("a=b; token={}", token(user, false));
    for gateway in lambda::GATEWAYS {
        let request = Request::new("GET", "/validate").header("cookie", &cookie);
        let answer = validate.send(gateway, &request);
        assert_eq!(answer.status, 200, "a cookie through {gateway:?}");
        let passed = answer.headers.get("x-auth-request-user").map(AsRef::as_ref);
        assert_eq!(passed, Some(user.as_bytes()), "through {gateway:?}");
    }

    server.sql("UPDATE auth.user SET teams = 'staff, ops'");
    let token = login.request("POST", "/auth/login").basic(USER.0, USER.1).send();
    assert_eq!(token.status, 200, "below the base path of a function URL");
    let validated = validate.request("GET", "/auth/validate").bearer(token.text()).send();
    assert_eq!((validated.status, validated.header("x-auth-request-user")), (200, Some(USER.0)));
    assert_eq!(validated.header("x-auth-request-groups"), Some("users,staff,ops"));

    let header = json!({ "requestContext": { "http": {} }, "headers": { "a": "b\r\n" } });
    for event in [json!({}), json!([]), json!({ "Records": [{ "body": "x" }] }), header] {
        let response = validate.invoke(&event);
        let (status, body) = (&response["statusCode"], &response["body"]);
        assert_eq!((status, body), (&400.into(), &"bad request".into()), "{event}");
    }
    for function in [&login.function, &validate.function] {
        let log = function.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut requests = lines.filter(|line| line["message"] == "request");
        assert!(
            requests.all(|line| line["request_id"].as_str().map(str::len) == Some(36)),
            "{log}"
        );
        assert_no_credentials(&log);
    }
}

#[test]
fn an_unreachable_database_is_503_within_seconds_and_is_counted_and_logged_without_its_url() {
    let address = format!("127.0.0.1:{}", wait::free_port());
    let url = format!("mysql://auth_user:canary@{address}/auth");
    let login = Service::start_with_metrics("login", environment(&[("DATABASE_URL", &url)]));
    let since = Instant::now();
    let answer = login.request("POST", "/login").basic(USER.0, USER.1).send();
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(login.value("login_total{outcome=\"service_unavailable\"}"), Some(1.0));
    assert_eq!(login.request("GET", "/healthz").send().status, 200, "a restart would not help");
    let (_, log) = login.terminate();
    assert!(log.contains("Connection refused") && !log.contains("canary"), "{log}");
    assert!(log.contains(&format!("the database at {address} (account auth_user)")), "{log}");
}

#[test]
fn a_function_with_a_base_path_answers_with_and_without_it() {
    let validate = Service::start("validate", environment(&[("BASE_PATH", "/auth")]));
    for (path, status) in [
        ("/auth/validate", 200),
        ("/auth/validate/a%20b", 200),
        ("/auth", 200),
        ("/auth/", 200),
        ("/validate", 200),
        ("/", 200),
        ("/auth/.well-known/jwks.json", 200),
        ("/authx/validate", 404),
        ("/auth/auth/validate", 404),
        ("/auth/other", 404),
    ] {
        let answer = validate.request("GET", path).bearer(&token("ada@example.com", false)).send();
        assert_eq!(answer.status, status, "{path}");
    }
    let (_, log) = validate.terminate();
    assert!(log.contains(r#""path":"/auth/validate""#), "{log}");
}

/// Only if the issuer is a URL.
#[test]
fn the_metadata_has_the_exact_issuer_and_the_url_of_the_keys() {
    let path = "/.well-known/openid-configuration";
    for (issuer, address) in [
        ("https://auth.example.com", Some("https://auth.example.com/.well-known/jwks.json")),
        ("https://example.com/auth/", Some("https://example.com/auth/.well-known/jwks.json")),
        ("auth", None),
    ] {
        let validate = Service::start("validate", environment(&[("JWT_ISSUER", issuer)]));
        let answer = validate.request("GET", path).send();
        assert_eq!(answer.status, if address.is_some() { 200 } else { 404 });
        let metadata: Value = serde_json::from_str(answer.text()).unwrap_or_default();
        let published = [&metadata["issuer"], &metadata["jwks_uri"]].map(Value::as_str);
        assert_eq!(published, [address.map(|_| issuer), address]);
    }
}
