//! Connections on which nothing comes back, and which nobody closes.

use std::{net::TcpListener, time::Duration};

use shared::users::StoreError;
use system_tests::{Environment, database::DatabaseServer, mariadb, stores, tcp_proxy::TcpProxy};

use crate::{fill_pool, must_find, prepare, timed_find};

/// What a process was frozen for, or a network has forgotten a connection after.
const PAUSE: Duration = Duration::from_millis(1100);

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalled_during_a_pause_is_replaced() {
    let server = mariadb::start();
    prepare(&server);
    tokio::join!(
        pause(&server, 1, "DISABLED"),
        pause(&server, 1, "REQUIRED"),
        pause(&server, 8, "DISABLED"),
        pause(&server, 8, "REQUIRED"),
    );
}

/// Over TLS too: an orderly end of it would wait for the other side.
async fn pause(server: &DatabaseServer, size: u32, mode: &str) {
    let proxy = TcpProxy::start(server.port());
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
    variables.insert("MYSQL_SSL_MODE".into(), mode.into());
    let store = stores::open(&variables, size).await;
    fill_pool(&store, size as usize).await;
    proxy.stall_all();
    tokio::time::sleep(PAUSE).await;
    // The first one notices; then the others of the pool are dead as well.
    for attempt in 0..=size {
        let what = format!("attempt {attempt} of a pool of {size}, {mode}");
        must_find(&store, Duration::from_secs(3), &what).await;
    }
}

/// Nobody can know yet, so this one look-up fails; but the place of its connection is
/// free again.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalls_in_use_costs_one_look_up() {
    let server = mariadb::start();
    prepare(&server);
    let proxy = TcpProxy::start(server.port());
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
    let store = stores::open(&variables, 1).await;
    must_find(&store, Duration::from_secs(2), "to connect").await;
    proxy.stall_all();
    let (found, elapsed) = timed_find(&store).await;
    assert!(matches!(found, Err(StoreError::Timeout)), "{found:?}");
    assert!(elapsed < Duration::from_millis(6500), "{elapsed:?}");
    must_find(&store, Duration::from_secs(2), "behind the stalled one").await;
}

/// A listener whose queue takes connections that nobody will ever serve.
#[tokio::test]
async fn a_database_that_never_speaks_is_an_error_in_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("mysql://auth_user:x@127.0.0.1:{port}/auth");
    let variables = Environment::from([("DATABASE_URL".into(), url)]);
    let store = stores::open(&variables, 1).await;
    for attempt in 1..=2 {
        let (found, elapsed) = timed_find(&store).await;
        let failed = matches!(&found, Err(StoreError::Database(_) | StoreError::Timeout));
        assert!(failed, "attempt {attempt}: {found:?}");
        let bounds = Duration::from_millis(2500)..Duration::from_millis(6500);
        assert!(bounds.contains(&elapsed), "attempt {attempt}: {elapsed:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_at_once() {
    let url = format!("mysql://auth_user:x@127.0.0.1:{}/auth", system_tests::wait::free_port());
    let store = stores::open(&Environment::from([("DATABASE_URL".into(), url)]), 1).await;
    let (found, elapsed) = timed_find(&store).await;
    assert!(found.is_err());
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
}
