//! Rotation of keys and passwords under load: no valid request fails, and removed keys are refused
//! in time.

mod automatic;
mod guide;

use std::{thread, time::Duration};

use system_tests::{
    Answer, DatabaseServer, Environment, Kind, Service, Traffic, traffic::Clients, users, wait,
    with,
};

/// 10 logins and 100 validations per second.
const CLIENTS: [Clients; 2] = [
    (Kind::RightLogin, 2, Duration::from_millis(200)),
    (Kind::GoodToken, 5, Duration::from_millis(50)),
];
/// Long enough that all secrets in memory are old.
const HOURS: u64 = 4 * 3600;
/// The time in which each client sends a few requests.
const A_WHILE: Duration = Duration::from_millis(500);
/// The limit for changes that take effect at the next request.
const SOON: Duration = Duration::from_secs(20);

/// Closes the account's connections, so that new ones have to be opened.
fn kill_connections(server: &DatabaseServer) {
    let list = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    for id in server.query(list).lines() {
        // An error means that it was closed already.
        let _ = server.run_sql(&format!("KILL CONNECTION {id}"));
    }
}

/// All of `parts` and `more`, with parameters for quick hashes.
fn variables<const N: usize>(parts: [Environment; N], more: &[(&str, &str)]) -> Environment {
    let quick = users::argon2_variables(users::quick_argon2());
    with(parts.into_iter().flatten().chain(quick).collect(), more)
}

/// Both functions as HTTP services.
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

/// Ends the load and panics if a request has failed.
fn assert_none_failed(load: Traffic, what: &str) {
    let records = load.stop();
    println!("{what}: {}", records.summary());
    let since = records.0.iter().map(|record| record.sent).min().expect("requests");
    let rate = records.0.len() as u128 * 1_000 / since.elapsed().as_millis().max(1);
    assert!(rate > 25, "the machine is too busy: {rate} requests per second");
    let bad = records.filter(|record| !record.is_expected);
    assert!(bad.0.is_empty(), "{what}: {}", bad.summary());
}
