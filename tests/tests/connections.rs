//! Connections that die, stall or never come about: a client of `login` doesn't notice,
//! or is told so within the limits.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use shared::users::{MySqlUsers, StoreError, User, UserStore};
use system_tests::{
    Environment,
    database::{DatabaseServer, Tls},
    mariadb, mysql9, stores,
    tcp_proxy::TcpProxy,
    wait,
};

const EMAIL: &str = "bob@example.com";
const LIMIT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer isn't trusted.
const IDLE: Duration = Duration::from_millis(1100);

/// `init.sql`, and one user.
fn prepare(server: &DatabaseServer) {
    server.init();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES ('{EMAIL}', 'hash')"));
}

/// Looks the user up and says how long that took.
async fn timed_find(store: &MySqlUsers) -> (Result<Option<User>, StoreError>, Duration) {
    let start = Instant::now();
    let found = store.find_by_email(EMAIL).await;
    (found, start.elapsed())
}

/// Fails unless the user is found without an error and within `limit`.
async fn must_find(store: &MySqlUsers, limit: Duration, what: &str) {
    let (found, elapsed) = timed_find(store).await;
    assert!(matches!(&found, Ok(Some(_))), "{what}: {found:?} after {elapsed:?}");
    assert!(elapsed < limit, "{what}: took {elapsed:?}");
}

/// A store all of whose connections are open.
async fn full(variables: &Environment, connections: u32) -> MySqlUsers {
    let store = stores::open(variables, connections).await;
    fill(&store, connections).await;
    store
}

async fn fill(store: &MySqlUsers, connections: u32) {
    let finds = (0..connections * 4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.find_by_email(EMAIL).await })
    });
    for find in finds.collect::<Vec<_>>() {
        find.await.unwrap().unwrap();
    }
}

/// The connections that `auth_user` has.
fn connection_ids(server: &DatabaseServer) -> Vec<String> {
    let query = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    server.query(query).lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_mariadb_ended_is_replaced_and_a_look_up_is_one_indexed_statement() {
    suite(mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn a_connection_that_mysql_9_ended_is_replaced_and_a_look_up_is_one_indexed_statement() {
    suite(mysql9::start()).await;
}

async fn suite(mut server: DatabaseServer) {
    prepare(&server);
    a_pool_of_one_never_opens_a_second_connection(&server).await;
    a_look_up_is_one_indexed_statement(&server).await;
    for size in [1, 4] {
        killed(&server, size).await;
        timed_out(&server, size).await;
    }
    restarted(&mut server, 4).await;
}

async fn killed(server: &DatabaseServer, size: u32) {
    let store = stores::open(&server.login_variables(), size).await;
    for idle in [Duration::ZERO, IDLE] {
        fill(&store, size).await;
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
    let store = full(&server.login_variables(), size).await;
    server.sql("SET GLOBAL wait_timeout = DEFAULT");
    wait::until("wait_timeout", Duration::from_secs(5), || {
        connection_ids(server).is_empty().then_some(())
    });
    must_find(&store, LIMIT, &format!("{size} timed out")).await;
}

async fn restarted(server: &mut DatabaseServer, size: u32) {
    let store = full(&server.login_variables(), size).await;
    server.restart(Tls::Valid);
    must_find(&store, LIMIT, &format!("{size} before a restart")).await;
    fill(&store, size).await;
}

async fn a_pool_of_one_never_opens_a_second_connection(server: &DatabaseServer) {
    let opened = || server.query("SHOW GLOBAL STATUS LIKE 'Connections'");
    let opened = || opened().split('\t').nth(1).unwrap().parse::<u32>().unwrap();
    let before = opened();
    let store = stores::open(&server.login_variables(), 1).await;
    for _ in 0..5 {
        fill(&store, 5).await;
    }
    assert_eq!(connection_ids(server).len(), 1);
    // Two are this test's own: of `connection_ids` and of the second `opened`.
    assert_eq!(opened() - before, 1 + 2);
}

/// By the general log, of a store that is connected and has been used.
async fn a_look_up_is_one_indexed_statement(server: &DatabaseServer) {
    // Enough rows that the optimiser has a reason to use an index.
    let rows = (0..500).map(|n| format!("('{n}@example.com', 'hash')")).collect::<Vec<_>>();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {}", rows.join(",")));
    let store = full(&server.login_variables(), 1).await;
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    must_find(&store, LIMIT, EMAIL).await;
    server.sql("SET GLOBAL general_log = OFF");
    let log = server.query(
        "SELECT command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log
         WHERE user_host LIKE 'auth_user%'",
    );
    let statement = log.strip_prefix("Execute\t").expect("a prepared statement");
    assert_eq!(statement.lines().count(), 1, "{statement}");
    // MariaDB logs the statement as it was prepared. MySQL draws a tree by default, and
    // only MySQL reads this comment.
    let statement = statement.replace('?', &format!("'{EMAIL}'"));
    let explain = format!("USE auth; EXPLAIN /*!80016 FORMAT=TRADITIONAL */ {statement}");
    let plan = server.query(&explain);
    let by_index = ["\tconst\t", "\trange\t"].iter().any(|it| plan.contains(it));
    assert!(by_index && plan.contains("\temail\t"), "not by index: {plan}");
}

fn through(proxy: &TcpProxy, server: &DatabaseServer, mode: &str) -> Environment {
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
    variables.insert("MYSQL_SSL_MODE".into(), mode.into());
    variables
}

/// What a process was frozen for, or a network has forgotten a connection after.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalled_during_a_pause_is_replaced() {
    let server = mariadb::start();
    prepare(&server);
    // Over TLS too: an orderly end of it would wait for the other side.
    tokio::join!(
        pause(&server, 1, "DISABLED"),
        pause(&server, 1, "REQUIRED"),
        pause(&server, 8, "DISABLED"),
        pause(&server, 8, "REQUIRED"),
    );
}

async fn pause(server: &DatabaseServer, size: u32, mode: &str) {
    let proxy = TcpProxy::start(server.port());
    let store = full(&through(&proxy, server, mode), size).await;
    proxy.stall_all();
    tokio::time::sleep(IDLE).await;
    // The first one notices; then the others of the pool are dead as well.
    for attempt in 0..=size {
        let what = format!("attempt {attempt} of a pool of {size}, {mode}");
        must_find(&store, Duration::from_secs(3), &what).await;
    }
}

/// That it stalls can't be known yet, so this one look-up fails; but the place of its
/// connection is free again.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalls_in_use_costs_one_look_up() {
    let server = mariadb::start();
    prepare(&server);
    let proxy = TcpProxy::start(server.port());
    let store = full(&through(&proxy, &server, "PREFERRED"), 1).await;
    proxy.stall_all();
    let (found, elapsed) = timed_find(&store).await;
    assert!(matches!(found, Err(StoreError::Timeout)), "{found:?}");
    assert!(elapsed < Duration::from_millis(6500), "{elapsed:?}");
    must_find(&store, LIMIT, "behind the stalled one").await;
}

/// A listener whose queue takes connections that are never served, and a port without one.
#[tokio::test]
async fn a_database_that_never_speaks_or_is_not_there_is_an_error_in_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, seconds) in
        [(listener.local_addr().unwrap().port(), 2.5..6.5), (wait::free_port(), 0.0..4.0)]
    {
        let url = format!("mysql://auth_user:x@127.0.0.1:{port}/auth");
        let store = stores::open(&Environment::from([("DATABASE_URL".into(), url)]), 1).await;
        for attempt in 1..=2 {
            let (found, elapsed) = timed_find(&store).await;
            let failed = matches!(&found, Err(StoreError::Database(_) | StoreError::Timeout));
            assert!(failed, "attempt {attempt}: {found:?}");
            assert!(seconds.contains(&elapsed.as_secs_f64()), "attempt {attempt}: {elapsed:?}");
        }
    }
}
