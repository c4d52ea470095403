//! Keys and passwords that change while requests go on: no valid request fails, and what
//! was taken away is refused in time.

mod automatic;
mod guide;

use std::{thread, time::Duration};

use system_tests::{
    Answer, DatabaseServer, Environment, Kind, Service, Traffic, traffic::Clients, users, wait,
    with,
};

/// 10 logins in a second, and 100 validations.
const CLIENTS: [Clients; 2] = [
    (Kind::RightLogin, 2, Duration::from_millis(200)),
    (Kind::GoodToken, 5, Duration::from_millis(50)),
];
/// So that what is in memory is old.
const HOURS: u64 = 4 * 3600;
/// Until each client has sent a few requests.
const A_WHILE: Duration = Duration::from_millis(500);
/// For what should happen at the next request.
const SOON: Duration = Duration::from_secs(20);

/// Ends the account's connections, so that every one has to be made anew.
fn end_connections(server: &DatabaseServer) {
    let list = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    for id in server.query(list).lines() {
        // It may have ended by itself.
        let _ = server.run_sql(&format!("KILL CONNECTION {id}"));
    }
}

/// All of `parts`, with passwords that are quick to check.
fn variables<const N: usize>(parts: [Environment; N], more: &[(&str, &str)]) -> Environment {
    let quick = users::argon2_variables(users::quick_argon2());
    with(parts.into_iter().flatten().chain(quick).collect(), more)
}

/// Both functions as HTTP services that have been used once.
struct Functions {
    login: Service,
    validate: Service,
}

impl Functions {
    fn start(login: Environment, validate: Environment) -> Self {
        let login = Service::start("login", login);
        let started = Self { login, validate: Service::start("validate", validate) };
        assert_eq!(started.validate(&started.log_in()), 200);
        started
    }

    fn load(&self) -> Traffic {
        Traffic::start(&self.login, &self.validate, self.log_in(), &CLIENTS)
    }

    fn try_log_in(&self) -> Answer {
        users::log_in(&self.login, &users::email("right", 0), users::PASSWORD)
    }

    fn log_in(&self) -> String {
        let answer = self.try_log_in();
        assert_eq!(answer.status, 200, "{}", self.login.log());
        answer.text().to_owned()
    }

    fn validate(&self, token: &str) -> u16 {
        self.validate.request("GET", "/validate").bearer(token).send().status
    }
}

/// Ends the load, of which no request may have failed.
fn assert_all_good(load: Traffic, what: &str) {
    let records = load.stop();
    println!("{what}: {}", records.summary());
    let since = records.0.iter().map(|record| record.sent).min().expect("requests");
    let rate = records.0.len() as u128 * 1_000 / since.elapsed().as_millis().max(1);
    assert!(rate > 25, "too busy to say anything: {rate} requests in a second");
    let bad = records.filter(|record| !record.is_expected);
    assert!(bad.0.is_empty(), "{what}: {}", bad.summary());
}
