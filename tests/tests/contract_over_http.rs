//! The contract, over HTTP.

use shared::users::SqliteUsers;
use system_tests::{
    Environment,
    contract::{ContractRequest, Door, SECRET, USER, add_users, token, token_with},
    database::DatabaseServer,
    http_door::HttpDoor,
    mariadb, mysql9, scratch,
    service::Service,
    stores,
};

fn check_all(database: Environment) {
    let door = HttpDoor::start(database);
    door.check_contract();
}

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    add_users(&SqliteUsers::open(&path).await.unwrap()).await;
    check_all([("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into());
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
#[ignore = "needs MySQL 9: make test"]
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
fn issuer_and_audience_are_demanded() {
    let variables = |audience: &str| {
        let variables =
            [("JWT_SECRET", SECRET), ("JWT_ISSUER", "issuer"), ("JWT_AUDIENCE", audience)];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    };
    let claims = serde_json::json!({
        "username": "ada@example.com", "admin": false, "exp": 4_102_444_800_u64,
        "iss": "issuer", "aud": "one",
    });
    for (audience, status) in [("one", 200), ("another", 403)] {
        let validate = Service::start("validate", variables(audience));
        let answer = validate.request("GET", "/").bearer(&token_with(&claims)).send();
        assert_eq!(answer.status, status, "{audience}");
        let without = token("ada@example.com", false);
        assert_eq!(validate.request("GET", "/").bearer(&without).send().status, 403);
    }
}

#[test]
fn bodies_are_ignored() {
    let validate = Service::start("validate", [("JWT_SECRET".into(), SECRET.into())].into());
    for bytes in [0, 1, 64 * 1024, 1000 * 1024] {
        let request = validate.request("POST", "/").bearer(&token("ada@example.com", false));
        assert_eq!(request.body(vec![b'x'; bytes]).send().status, 200, "{bytes} bytes");
    }
}

#[test]
fn a_body_that_never_comes_delays_neither_the_answer_nor_the_end() {
    use std::io::{Read, Write};

    let mut validate = Service::start("validate", [("JWT_SECRET".into(), SECRET.into())].into());
    let address = validate.url("").replace("http://", "");
    let mut connection = std::net::TcpStream::connect(&address).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 10\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 512];
    let length = connection.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 401 "));
    let status = validate.process().terminate(std::time::Duration::from_secs(10));
    assert!(status.success(), "{status}");
}

#[test]
fn requests_are_served_while_it_drains_and_it_ends_with_0() {
    let key = ("JWT_SECRET".to_owned(), SECRET.to_owned());
    let drain = ("DRAIN_SECONDS".to_owned(), "1".to_owned());
    let mut validate = Service::start("validate", [key, drain].into());
    validate.process().signal_terminate();
    system_tests::wait::until("draining", std::time::Duration::from_secs(1), || {
        (validate.request("GET", "/readyz").send().status == 503).then_some(())
    });
    assert_eq!(validate.request("GET", "/validate").send().status, 401);
    let status = validate.process().wait(std::time::Duration::from_secs(10));
    assert!(status.success(), "{status}");
}

#[test]
fn a_connection_is_kept_alive_and_http_2_is_not_spoken() {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    let service = Service::start("validate", [("JWT_SECRET".into(), SECRET.into())].into());
    let address = service.url("").replace("http://", "");
    let mut connection = TcpStream::connect(&address).unwrap();
    for _ in 0..3 {
        let request = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 3\r\n\r\nabc");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let length = connection.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 401 "));
    }
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}
