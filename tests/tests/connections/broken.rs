//! Connections that the server ends.

use std::time::Duration;

use system_tests::{
    database::{DatabaseServer, Tls},
    mariadb, mysql9, stores,
};

use crate::{connection_ids, connections, fill_pool, must_find, prepare};

const LIMIT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer isn't trusted.
const IDLE: Duration = Duration::from_millis(1100);

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_mariadb_ended_is_replaced() {
    suite(mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn a_connection_that_mysql_9_ended_is_replaced() {
    suite(mysql9::start()).await;
}

async fn suite(mut server: DatabaseServer) {
    prepare(&server);
    for size in [1, 4] {
        killed(&server, size).await;
        timed_out(&server, size).await;
    }
    restarted(&mut server, 4).await;
}

async fn killed(server: &DatabaseServer, size: u32) {
    let store = stores::open(&server.login_variables(), size).await;
    for idle in [Duration::ZERO, IDLE] {
        fill_pool(&store, size as usize).await;
        for id in connection_ids(server) {
            server.sql(&format!("KILL CONNECTION {id}"));
        }
        tokio::time::sleep(idle).await;
        must_find(&store, LIMIT, &format!("{size} killed, idle for {idle:?}")).await;
    }
}

/// What `wait_timeout` does to a pool at rest.
async fn timed_out(server: &DatabaseServer, size: u32) {
    server.sql("SET GLOBAL wait_timeout = 1");
    let store = stores::open(&server.login_variables(), size).await;
    fill_pool(&store, size as usize).await;
    server.sql("SET GLOBAL wait_timeout = DEFAULT");
    system_tests::wait::until("wait_timeout", Duration::from_secs(5), || {
        (connections(server) == 0).then_some(())
    });
    must_find(&store, LIMIT, &format!("{size} timed out")).await;
}

async fn restarted(server: &mut DatabaseServer, size: u32) {
    let store = stores::open(&server.login_variables(), size).await;
    fill_pool(&store, size as usize).await;
    server.restart(Tls::Valid);
    must_find(&store, LIMIT, &format!("{size} before a restart")).await;
    fill_pool(&store, size as usize).await;
}
