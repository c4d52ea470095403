//! What `/readyz` says of the database, while that goes and comes back.

use std::time::{Duration, Instant};

use system_tests::{database::Tls, mariadb, service::Service, users, wait};

/// How old a state may be that is reported, and some time for a busy machine.
const NEWS_LIMIT: Duration = Duration::from_millis(2500);

/// The whole body; the function is ready whatever the database does.
fn state(login: &Service) -> String {
    let since = Instant::now();
    let ready = login.request("GET", "/readyz").send();
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert_eq!(ready.status, 200);
    ready.text().to_owned()
}

fn assert_follows(login: &Service, database: &str) {
    let body = format!(r#"{{"status":"ready","keys":"ok","database":"{database}"}}"#);
    let what = format!("the database to be {database} in /readyz");
    wait::until(&what, NEWS_LIMIT, || (state(login) == body).then_some(()));
}

/// No probe comes between one change and the next: nothing old may be reported then. A server
/// that stands still is like one behind a network that drops packets.
#[test]
#[ignore = "needs MariaDB: make test"]
fn readiness_follows_a_database_that_ends_or_stands_still_and_no_probe_is_delayed() {
    let mut server = mariadb::start();
    server.init();
    let login = users::login(server.login_variables(), &[]);
    assert_follows(&login, "ok");
    server.stop();
    assert_follows(&login, "unreachable");
    server.restart(Tls::Valid);
    assert_follows(&login, "ok");
    server.process.freeze();
    assert_follows(&login, "unreachable");
    server.process.thaw();
    assert_follows(&login, "ok");
}
