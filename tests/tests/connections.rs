//! Connections to the database that die or stall: a client of `login` doesn't notice, and `/readyz` says
//! what there is.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::time::{Duration, Instant};

use shared::users::{MySqlUsers, UserStore};
use system_tests::{
    DatabaseServer, Environment, Service, TcpProxy, Tls, mariadb, mysql9, stores, users, wait, with,
};

const EMAIL: &str = "0@example.com";
const LIMIT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer isn't trusted.
const IDLE: Duration = Duration::from_millis(1100);

/// With `init.sql`, and so many users that the optimiser has a reason to use an index.
fn prepared(server: DatabaseServer) -> DatabaseServer {
    let rows = (0..500).map(|n| format!("('{n}@example.com', 'hash')")).collect::<Vec<_>>();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {}", rows.join(",")));
    server
}

/// Fails unless the user is found without an error and within `limit`.
async fn must_find(store: &MySqlUsers, limit: Duration, what: &str) {
    let since = Instant::now();
    let found = store.find_by_email(EMAIL).await;
    let elapsed = since.elapsed();
    assert!(matches!(found, Ok(Some(_))) && elapsed < limit, "{what}: {found:?}, {elapsed:?}");
}

/// A store all of whose connections are open.
async fn full(variables: &Environment, connections: u32) -> MySqlUsers {
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
async fn a_connection_that_mariadb_ended_is_replaced_and_a_look_up_is_one_indexed_statement() {
    suite(&prepared(mariadb::start())).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn a_connection_that_mysql_9_ended_is_replaced_and_a_look_up_is_one_indexed_statement() {
    suite(&prepared(mysql9::start())).await;
}

async fn suite(server: &DatabaseServer) {
    a_look_up_is_one_indexed_statement(server).await;
    for (size, idle) in [(1, Duration::ZERO), (1, IDLE), (4, Duration::ZERO), (4, IDLE)] {
        let store = full(&server.login_variables(), size).await;
        let query = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
        let connections = server.query(query);
        assert!(connections.lines().count() <= size as usize, "{connections}");
        for id in connections.lines() {
            server.sql(&format!("KILL CONNECTION {id}"));
        }
        tokio::time::sleep(idle).await;
        must_find(&store, LIMIT, &format!("{size} killed, idle for {idle:?}")).await;
        drop(store);
        wait::until("no connection is left", LIMIT, || {
            server.query(query).is_empty().then_some(())
        });
    }
}

/// By the general log, of a store that is connected and has been used.
async fn a_look_up_is_one_indexed_statement(server: &DatabaseServer) {
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

/// What a process was frozen for, or a network has forgotten a connection after. Over TLS too: an
/// orderly end of it would wait for the other side.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_connection_that_stalled_during_a_pause_is_replaced() {
    let server = prepared(mariadb::start());
    for (size, mode) in [(1, "REQUIRED"), (8, "DISABLED")] {
        let proxy = TcpProxy::start(server.port);
        let through = [("MYSQL_PORT", &*proxy.port.to_string()), ("MYSQL_SSL_MODE", mode)];
        let store = full(&with(server.login_variables(), &through), size).await;
        proxy.stall_all();
        tokio::time::sleep(IDLE).await;
        // The first one notices; then the others of the pool are dead as well.
        for attempt in 0..=size {
            let what = format!("attempt {attempt} of a pool of {size}, {mode}");
            must_find(&store, Duration::from_secs(3), &what).await;
        }
    }
}

/// Within the second that a reported state may be old, and some time for a busy machine. The function
/// is ready whatever the database does.
fn assert_follows(login: &Service, database: &str) {
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

/// No probe comes between one change and the next: nothing old may be reported then. A server
/// that stands still is like one behind a network that drops packets.
#[test]
#[ignore = "needs MariaDB: make test"]
fn readiness_follows_a_database_that_ends_or_stands_still_and_no_probe_is_delayed() {
    let mut server = mariadb::start();
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
    // The log says each reason once, however often it is probed, and every login repeats it.
    server.sql("DROP TABLE auth.login_throttle");
    assert_follows(&login, "refused");
    server.init();
    assert_follows(&login, "ok");
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'another'");
    server.restart(Tls::Valid);
    assert_follows(&login, "refused");
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
    assert_follows(&login, "refused");
    let (_, log) = login.terminate();
    assert!(log.contains("to database 'auht'") && !log.contains("init.sql"), "{log}");
}
