//! A real Prometheus with the shipped rules, on both functions, under real traffic.

use std::{collections::HashSet, time::Duration};

use system_tests::{
    contract::{USER, add_users, token},
    mariadb, scratch, stores, wait,
};

use super::{dashboard::queries, server::Prometheus};
use system_tests::measured::{Measured, key_in_file};

/// Wrong passwords enough for more than one a second, over the five minutes of the rule.
const FAILURES: usize = 500;

/// Waits as long as a shipped expression may need to see something.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    wait::until(what, Duration::from_mins(1), || is_so().then_some(()));
}

#[tokio::test]
#[ignore = "needs MariaDB and Prometheus: make verify"]
async fn the_shipped_alerts_follow_what_happens_and_every_panel_has_data() {
    let mut database = mariadb::start();
    database.init();
    add_users(&stores::open(&database.root_variables(), 1).await).await;
    // Both on files and a database, so that there is something of everything.
    let folder = scratch::directory();
    let mut variables = database.login_variables();
    variables.extend(key_in_file(folder.path()));
    let login = Measured::start("login", variables);
    let validate = Measured::start("validate", key_in_file(folder.path()));
    let prometheus = Prometheus::start(login.port, validate.port);

    let try_login = |email: &str, password: &str| {
        login.service.request("POST", "/login").basic(email, password).send().status
    };
    // Some requests of each kind, seen by Prometheus before and after.
    let traffic = || {
        assert_eq!(try_login(USER.0, USER.1), 200);
        for (token, status) in [(token("ada@example.com", false), 200), ("x.y.z".into(), 403)] {
            let request = validate.service.request("GET", "/validate").bearer(&token);
            assert_eq!(request.send().status, status);
        }
    };
    soon("both are scraped", || {
        traffic();
        let up = prometheus.query("up == 1");
        up.iter().map(|(labels, _)| &labels["job"]).collect::<HashSet<_>>().len() == 2
    });
    for (panel, query) in queries() {
        soon(&format!("{panel}: {query}"), || {
            traffic();
            let samples = prometheus.query(&query);
            !samples.is_empty() && samples.iter().all(|(_, value)| value.is_finite())
        });
    }
    let alerts = ["ManyFailedLogins", "LoginsUnavailable", "AuthFunctionDown"];
    assert!(!alerts.iter().any(|alert| prometheus.fires(alert)), "all is well");

    println!("{FAILURES} wrong passwords");
    for number in 0..FAILURES {
        let status = try_login(&format!("user-{}@example.com", number % 50), "wrong");
        assert!([401, 429].contains(&status), "{status}");
    }
    soon(alerts[0], || prometheus.fires(alerts[0]));

    println!("the database is gone");
    database.crash();
    for _ in 0..60 {
        assert_eq!(try_login(USER.0, USER.1), 503);
    }
    soon(alerts[1], || prometheus.fires(alerts[1]));

    println!("validate is gone");
    drop(validate);
    soon(alerts[2], || prometheus.fires(alerts[2]));
}
