//! A real Prometheus with the shipped rules, on both functions, under real traffic.

use std::{collections::HashSet, fs};

use system_tests::{
    contract::{SECRET, USER, token},
    database::DatabaseServer,
    mariadb,
    metrics::MeasuredService,
    prometheus::Prometheus,
    scratch,
};

use super::{
    environment,
    examples::{queries, soon},
};

/// Wrong passwords enough for more than one a second, over the five minutes of the rule.
const FAILURES: usize = 500;

/// Both functions on files and a database, so that there is something of everything.
struct Watched {
    _folder: tempfile::TempDir,
    login: MeasuredService,
    validate: MeasuredService,
    prometheus: Prometheus,
}

impl Watched {
    fn start(database: &DatabaseServer) -> Self {
        let folder = scratch::directory();
        let key = folder.path().join("key");
        fs::write(&key, SECRET).expect("scratch");
        let key = environment(&[("JWT_SECRET_FILE", key.to_str().expect("UTF-8"))]);
        let mut variables = database.login_variables();
        variables.extend(key.clone());
        let login = MeasuredService::start("login", variables);
        let validate = MeasuredService::start("validate", key);
        let prometheus = Prometheus::start(login.port(), validate.port());
        Self { _folder: folder, login, validate, prometheus }
    }

    fn log_in(&self, email: &str, password: &str) -> u16 {
        self.login.service.request("POST", "/login").basic(email, password).send().status
    }

    fn validate(&self, token: &str) -> u16 {
        self.validate.service.request("GET", "/validate").bearer(token).send().status
    }

    fn fires(&self, alert: &str) {
        soon(alert, || self.prometheus.firing().iter().any(|it| it == alert).then_some(()));
    }

    /// Some requests of each kind, seen by Prometheus before and after.
    fn traffic(&self) {
        let good = token("ada@example.com", false);
        assert_eq!(self.log_in(USER.0, USER.1), 200);
        assert_eq!((self.validate(&good), self.validate("x.y.z")), (200, 403));
    }
}

#[tokio::test]
#[ignore = "needs MariaDB and Prometheus: make test"]
async fn the_shipped_alerts_follow_what_happens_and_every_panel_has_data() {
    let mut database = mariadb::start();
    database.init();
    let variables = database.root_variables();
    let users = system_tests::stores::open(&variables, 1).await;
    system_tests::contract::add_users(&users).await;
    let watched = Watched::start(&database);

    soon("both are scraped", || {
        watched.traffic();
        let up = watched.prometheus.query("up == 1");
        let jobs: HashSet<_> = up.iter().map(|(labels, _)| labels["job"].clone()).collect();
        (jobs.len() == 2).then_some(())
    });
    for (panel, query) in queries() {
        soon(&format!("{panel}: {query}"), || {
            watched.traffic();
            let samples = watched.prometheus.query(&query);
            (!samples.is_empty() && samples.iter().all(|(_, value)| value.is_finite()))
                .then_some(())
        });
    }
    let firing = watched.prometheus.firing();
    assert!(!firing.iter().any(|it| it == "ManyFailedLogins"), "{firing:?}");
    assert!(!firing.iter().any(|it| it == "LoginsUnavailable"), "{firing:?}");

    println!("{FAILURES} wrong passwords");
    for number in 0..FAILURES {
        let status = watched.log_in(&format!("user-{}@example.com", number % 50), "wrong");
        assert!([401, 429].contains(&status), "{status}");
    }
    watched.fires("ManyFailedLogins");

    println!("the database is gone");
    database.crash();
    for _ in 0..60 {
        assert_eq!(watched.log_in(USER.0, USER.1), 503);
    }
    watched.fires("LoginsUnavailable");

    println!("validate is gone");
    let Watched { validate, prometheus, .. } = watched;
    drop(validate);
    soon("AuthFunctionDown", || {
        prometheus.firing().iter().any(|it| it == "AuthFunctionDown").then_some(())
    });
}
