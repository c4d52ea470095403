//! The contract, over HTTP.

use system_tests::{
    Environment,
    contract::{ContractRequest, Door, SECRET, USER, add_users, token},
    database::DatabaseServer,
    http_door::HttpDoor,
    mariadb, mysql9,
    raw::{Connection, head},
    service::Service,
    stores::{self, Sqlite},
};

fn check_all(database: Environment) {
    let door = HttpDoor::start(database);
    door.check_contract();
}

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    let store = Sqlite::with(&[]).await;
    add_users(&store.users).await;
    check_all(store.variables());
}

async fn check_on(server: &DatabaseServer) {
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    check_all(server.login_variables());
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_contract_holds_on_mariadb() {
    check_on(&mariadb::shared()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn the_contract_holds_on_mysql_9() {
    check_on(&mysql9::shared()).await;
}

#[test]
fn a_database_out_of_reach_is_503_and_the_function_stays_ready() {
    let nobody = system_tests::wait::free_port();
    let url = format!("mysql://auth_user:canary@127.0.0.1:{nobody}/auth");
    let door = HttpDoor::start([("DATABASE_URL".into(), url)].into());
    let request = ContractRequest::new("POST", "/login").basic(USER.0, USER.1);
    let answer = door.send("login", &request);
    assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);

    let unreachable = r#"{"status":"ready","keys":"ok","database":"unreachable"}"#;
    system_tests::wait::until("the state in /readyz", std::time::Duration::from_secs(10), || {
        let ready = door.login.request("GET", "/readyz").send();
        (ready.status == 200 && ready.text() == unreachable).then_some(())
    });
    assert_eq!(door.login.request("GET", "/healthz").send().status, 200);
    let (_, log) = door.login.terminate();
    assert!(log.contains("Connection refused") && !log.contains("canary"), "{log}");
}

#[test]
fn below_its_base_path_a_function_answers_with_and_without_it() {
    let variables = [("JWT_SECRET", SECRET), ("BASE_PATH", "/auth")];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    let validate = Service::start("validate", variables.into());
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

#[test]
fn a_body_that_never_comes_does_not_delay_the_end() {
    let mut validate = Service::start("validate", [("JWT_SECRET".into(), SECRET.into())].into());
    let mut connection = Connection::to(&validate);
    let answer = connection.exchange(head("POST /", "Content-Length: 10\r\n"));
    assert_eq!(answer.unwrap().status, 401);
    let status = validate.process().terminate(std::time::Duration::from_secs(10));
    assert!(status.success(), "{status}");
}
