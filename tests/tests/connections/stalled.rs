//! Connections on which nothing comes back, and which nobody closes.

use std::{net::TcpListener, time::Duration};

use shared::users::StoreError;
use system_tests::{Environment, mariadb, stores};

use crate::{fill_pool, must_find, prepare, proxy::StallingProxy, timed_find};

/// What a process was frozen for, or a network has forgotten a connection after.
const PAUSE: Duration = Duration::from_millis(2100);

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalled_during_a_pause_is_replaced() {
    let server = mariadb::start();
    prepare(&server);
    for size in [std::env::var("SIZE").unwrap().parse().unwrap()] {
        let proxy = StallingProxy::start(server.port());
        let mut variables = server.login_variables();
        variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
        variables.insert("MYSQL_SSL_MODE".into(), std::env::var("MODE").unwrap());
        let store = stores::open(&variables, size).await;
        fill_pool(&store, size as usize).await;
        tokio::time::sleep(Duration::from_millis(
            std::env::var("SETTLE").unwrap().parse().unwrap(),
        ))
        .await;
        proxy.stall_all();
        tokio::time::sleep(PAUSE).await;
        must_find(&store, Duration::from_secs(3), &format!("{size} stalled")).await;
        // The others of the pool are dead as well.
        for _ in 0..size {
            must_find(&store, Duration::from_secs(3), &format!("one of {size} stalled")).await;
        }
    }
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
        let failed = matches!(&found, Err(StoreError::Database(_) | StoreError::TooSlow));
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
