//! What `/readyz` says of the database, while that goes and comes back.

use std::time::{Duration, Instant};

use system_tests::{
    contract::SECRET,
    database::{DatabaseServer, Tls},
    mariadb,
    service::Service,
    wait,
};

/// How old a state may be that is reported, and some time for a busy machine.
const NEWS_LIMIT: Duration = Duration::from_millis(2500);

fn login(server: &DatabaseServer) -> Service {
    let mut variables = server.login_variables();
    variables.insert("JWT_SECRET".into(), SECRET.into());
    Service::start("login", variables)
}

/// The whole body; the function is ready whatever the database does.
fn state(login: &Service) -> String {
    let since = Instant::now();
    let ready = login.request("GET", "/readyz").send();
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert_eq!(ready.status, 200);
    ready.text().to_owned()
}

fn body(database: &str) -> String {
    format!(r#"{{"status":"ready","keys":"ok","database":"{database}"}}"#)
}

/// Nobody asks between one change and the next: nothing old may be reported then.
#[test]
#[ignore = "needs MariaDB: make test"]
fn readiness_follows_the_database_though_nobody_asked_before() {
    let mut server = mariadb::start();
    server.init();
    let login = login(&server);
    assert_eq!(state(&login), body("ok"));
    for _ in 0..2 {
        server.stop();
        assert_follows(&login, "unreachable");
        server.restart(Tls::Valid);
        assert_follows(&login, "ok");
    }
}

fn assert_follows(login: &Service, database: &str) {
    let what = format!("the database to be {database} in /readyz");
    wait::until(&what, NEWS_LIMIT, || (state(login) == body(database)).then_some(()));
}

/// It stands still in the middle of everything, as behind a network that drops packets.
#[test]
#[ignore = "needs MariaDB: make test"]
fn a_database_that_stands_still_is_unreachable_and_delays_no_probe() {
    let mut server = mariadb::start();
    server.init();
    let login = login(&server);
    assert_eq!(state(&login), body("ok"));
    server.freeze();
    assert_follows(&login, "unreachable");
    server.thaw();
    assert_follows(&login, "ok");
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_database_is_not_asked_while_nobody_asks_for_readiness() {
    let server = mariadb::start();
    server.init();
    let login = login(&server);
    assert_eq!(state(&login), body("ok"));
    let questions = || server.query("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'");
    wait::until("the last question", Duration::from_secs(5), || {
        let before = questions();
        std::thread::sleep(Duration::from_millis(500));
        (questions() == before).then_some(())
    });
    let before = questions();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(questions(), before);
    assert_eq!(state(&login), body("ok"));
    assert_ne!(questions(), before, "it counts");
}
