//! Database connections that are closed or stall: logins still succeed, and `/readyz` reports the
//! state of the database.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::time::{Duration, Instant};

use shared::users::{MySqlUsers, UserStore};
use system_tests::{
    DatabaseServer, Environment, Service, TcpProxy, Tls, mariadb, mysql9, stores, users, wait, with,
};

const EMAIL: &str = "0@example.com";
const LIMIT: Duration = Duration::from_secs(2);
/// Longer than a connection may be idle before it is checked.
const IDLE: Duration = Duration::from_millis(1100);

/// Adds so many users that the optimiser uses an index.
fn with_users(server: DatabaseServer) -> DatabaseServer {
    let rows = (0..500).map(|n| format!("('{n}@example.com', 'hash')")).collect::<Vec<_>>();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {}", rows.join(",")));
    server
}

/// Panics unless the user is found without an error and within `limit`.
async fn assert_finds(store: &MySqlUsers, limit: Duration, what: &str) {
    let since = Instant::now();
    let found = store.find_by_email(EMAIL).await.map(|user| user.is_some());
    let elapsed = since.elapsed();
    assert!(matches!(found, Ok(true)) && elapsed < limit, "{what}: {found:?}, {elapsed:?}");
}

/// Opens a store and all connections of its pool.
async fn open_all(variables: &Environment, connections: u32) -> MySqlUsers {
    let store = stores::open(variables, connections).await.users;
    let finds = (0..connections * 4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.find_by_email(EMAIL).await })
    });
    for find in finds.collect::<Vec<_>>() {
        find.await.unwrap().unwrap();
    }
    store
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_closed_by_mariadb_is_replaced_and_a_lookup_is_one_indexed_statement() {
    suite(&with_users(mariadb::start())).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn a_connection_closed_by_mysql_9_is_replaced_and_a_lookup_is_one_indexed_statement() {
    suite(&with_users(mysql9::start())).await;
}

async fn suite(server: &DatabaseServer) {
    a_lookup_is_one_indexed_statement(server).await;
    for (size, idle) in [(1, Duration::ZERO), (1, IDLE), (4, Duration::ZERO), (4, IDLE)] {
        let store = open_all(&server.login_variables(), size).await;
        let query = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
        let connections = server.query(query);
        assert!(connections.lines().count() <= size as usize, "{connections}");
        for id in connections.lines() {
            server.sql(&format!("KILL CONNECTION {id}"));
        }
        tokio::time::sleep(idle).await;
        assert_finds(&store, LIMIT, &format!("{size} killed, idle for {idle:?}")).await;
        drop(store);
        wait::until("no connection is left", LIMIT, || {
            server.query(query).is_empty().then_some(())
        });
    }
}

/// Reads the server's general log, for a store that has been used before.
async fn a_lookup_is_one_indexed_statement(server: &DatabaseServer) {
    let store = open_all(&server.login_variables(), 1).await;
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    assert_finds(&store, LIMIT, EMAIL).await;
    server.sql("SET GLOBAL general_log = OFF");
    let log = server.query(
        "SELECT command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log
         WHERE user_host LIKE 'auth_user%'",
    );
    let statement = log.strip_prefix("Execute\t").expect("a prepared statement");
    assert_eq!(statement.lines().count(), 1, "{statement}");
    // MariaDB logs the statement with placeholders. MySQL prints a tree by default, and only MySQL
    // executes this comment.
    let statement = statement.replace('?', &format!("'{EMAIL}'"));
    let explain = format!("USE auth; EXPLAIN /*!80016 FORMAT=TRADITIONAL */ {statement}");
    let plan = server.query(&explain);
    let uses_index = ["\tconst\t", "\trange\t"].iter().any(|it| plan.contains(it));
    assert!(uses_index && plan.contains("\temail\t"), "no index is used: {plan}");
}

/// This happens while a process is frozen, or when a firewall drops an idle connection. With TLS
/// too: a regular end of TLS would wait for the peer.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalled_while_idle_is_replaced() {
    let server = with_users(mariadb::start());
    for (size, mode) in [(1, "REQUIRED"), (8, "DISABLED")] {
        let proxy = TcpProxy::start(server.port);
        let through = [("MYSQL_PORT", &*proxy.port.to_string()), ("MYSQL_SSL_MODE", mode)];
        let store = open_all(&with(server.login_variables(), &through), size).await;
        proxy.stall_all();
        tokio::time::sleep(IDLE).await;
        // The first attempt finds one stalled connection; all others of the pool have stalled too.
        for attempt in 0..=size {
            let what = format!("attempt {attempt} of a pool of {size}, {mode}");
            assert_finds(&store, Duration::from_secs(3), &what).await;
        }
    }
}

/// Waits until `/readyz` reports this state of the database. A report may be 1 s old; the rest of
/// the limit is for a busy machine. The function is ready in every state of the database.
fn assert_reports(login: &Service, database: &str) {
    let body = format!(r#"{{"status":"ready","keys":"ok","database":"{database}"}}"#);
    let what = format!("the database to be {database} in /readyz");
    wait::until(&what, Duration::from_millis(2500), || {
        let since = Instant::now();
        let ready = login.request("GET", "/readyz").send();
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        assert_eq!(ready.status, 200);
        (ready.text() == body).then_some(())
    });
}

/// A frozen server behaves like one behind a network that drops packets.
#[test]
#[ignore = "needs MariaDB: make test"]
fn readiness_reports_a_stopped_or_frozen_database_and_no_probe_is_delayed() {
    let mut server = mariadb::start();
    let login = users::login(server.login_variables(), &[]);
    assert_reports(&login, "ok");
    server.stop();
    assert_reports(&login, "unreachable");
    server.restart(Tls::Valid);
    assert_reports(&login, "ok");
    server.process.freeze();
    assert_reports(&login, "unreachable");
    server.process.thaw();
    assert_reports(&login, "ok");
    // Probes log each reason once; every login logs it again.
    server.sql("DROP TABLE auth.login_throttle");
    assert_reports(&login, "refused");
    server.init();
    assert_reports(&login, "ok");
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'another'");
    server.restart(Tls::Valid);
    assert_reports(&login, "refused");
    for _ in 0..3 {
        assert_eq!(users::log_in(&login, EMAIL, "x").status, 503);
    }
    let (_, log) = login.terminate();
    let at = format!("at 127.0.0.1:{} (account auth_user) failed: ", server.port);
    let denied = "Access denied for user 'auth_user'@";
    let of = |message: &str, reason: &str| {
        let lines = log.lines().filter(|line| line.contains(message) && line.contains(reason));
        lines.filter(|line| line.contains("\"WARN\"")).count()
    };
    let warning = "\"the database cannot be used\"";
    for (reason, count) in
        [("run init.sql again", 1), (denied, 1), (&*format!("{at}error returned"), 1)]
    {
        assert_eq!(of(warning, reason), count, "{reason}: {log}");
    }
    assert_eq!((of("\"request\"", denied), of("\"request\"", &at)), (3, 3), "{log}");

    server.init();
    let login = users::login(server.login_variables(), &[("MYSQL_DB", "auht")]);
    assert_reports(&login, "refused");
    let (_, log) = login.terminate();
    assert!(log.contains("to database 'auht'") && !log.contains("init.sql"), "{log}");
}
