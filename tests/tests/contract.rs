//! The contract over HTTP; `lambda/` has it over Lambda.

use std::time::Duration;

use system_tests::{
    contract::{USER, add_users, token},
    database::DatabaseServer,
    environment, mariadb, mysql9,
    service::{Service, check_contract, start_both},
    stores::Sqlite,
    wait,
};

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    check_contract(&start_both(Sqlite::of_contract().await.variables()));
}

async fn check_on(server: &DatabaseServer) {
    add_users(server).await;
    check_contract(&start_both(server.login_variables()));
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_contract_holds_on_mariadb() {
    check_on(&mariadb::shared()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn the_contract_holds_on_mysql_9() {
    let server = mysql9::start();
    check_on(&server).await;
}

#[test]
fn a_database_out_of_reach_is_503_and_the_function_stays_ready() {
    let url = format!("mysql://auth_user:canary@127.0.0.1:{}/auth", wait::free_port());
    let login = Service::start("login", environment(&[("DATABASE_URL", &url)]));
    let answer = login.request("POST", "/login").basic(USER.0, USER.1).send();
    assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
    assert_eq!(answer.header("retry-after"), Some("2"));

    let unreachable = r#"{"status":"ready","keys":"ok","database":"unreachable"}"#;
    wait::until("the state in /readyz", Duration::from_secs(10), || {
        let ready = login.request("GET", "/readyz").send();
        (ready.status == 200 && ready.text() == unreachable).then_some(())
    });
    assert_eq!(login.request("GET", "/healthz").send().status, 200);
    let (_, log) = login.terminate();
    assert!(log.contains("Connection refused") && !log.contains("canary"), "{log}");
}

#[test]
fn below_its_base_path_a_function_answers_with_and_without_it() {
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
