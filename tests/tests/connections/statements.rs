//! What a look-up costs the server.

use std::time::Duration;

use system_tests::{database::DatabaseServer, mariadb, mysql9, stores};

use crate::{EMAIL, connections, fill_pool, must_find, prepare};

const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_look_up_is_one_indexed_statement_on_mariadb() {
    suite(&mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn a_look_up_is_one_indexed_statement_on_mysql_9() {
    suite(&mysql9::start()).await;
}

async fn suite(server: &DatabaseServer) {
    prepare(server);
    a_pool_of_one_never_opens_a_second_connection(server).await;
    let statements = logged_statements_of_a_look_up(server).await;
    let [statement] = &statements[..] else { panic!("not one statement: {statements:?}") };
    let statement = statement.strip_prefix("Execute\t").expect("a prepared statement");
    // MariaDB logs the statement as it was prepared. MySQL draws a tree by default, and
    // only MySQL reads this comment.
    let statement = statement.replace('?', &format!("'{EMAIL}'"));
    let explain = format!("USE auth; EXPLAIN /*!80016 FORMAT=TRADITIONAL */ {statement}");
    let plan = server.query(&explain);
    let by_index = ["\tconst\t", "\trange\t"].iter().any(|it| plan.contains(it));
    assert!(by_index && plan.contains("\temail\t"), "not by index: {plan}");
}

async fn a_pool_of_one_never_opens_a_second_connection(server: &DatabaseServer) {
    let opened = || server.query("SHOW GLOBAL STATUS LIKE 'Connections'");
    let opened = || opened().split('\t').nth(1).unwrap().parse::<u32>().unwrap();
    let before = opened();
    let store = stores::open(&server.login_variables(), 1).await;
    for _ in 0..5 {
        fill_pool(&store, 5).await;
    }
    assert_eq!(connections(server), 1);
    // Two are this test's own: of `connections` and of the second `opened`.
    assert_eq!(opened() - before, 1 + 2);
}

/// Lines of the general log, from a store that is connected and has been used.
async fn logged_statements_of_a_look_up(server: &DatabaseServer) -> Vec<String> {
    // Enough rows that the optimiser has a reason to use an index.
    let rows = (0..500).map(|n| format!("('{n}@example.com', 'hash')")).collect::<Vec<_>>();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES {}", rows.join(",")));
    let store = stores::open(&server.login_variables(), 1).await;
    must_find(&store, LIMIT, "to connect").await;
    server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    must_find(&store, LIMIT, EMAIL).await;
    server.sql("SET GLOBAL general_log = OFF");
    let log = "SELECT command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log
               WHERE user_host LIKE 'auth_user%'";
    server.query(log).lines().map(str::to_owned).collect()
}
