//! Keys and passwords that change while requests go on: no valid request fails, and what
//! was taken away is refused in time.

mod automatic;
mod guide;

use std::{
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    Environment,
    database::DatabaseServer,
    http::Answer,
    service::Service,
    traffic::{Clients, Kind, Record, Traffic},
    users, wait, with,
};

/// 10 logins in a second, and 100 validations.
const CLIENTS: [Clients; 2] = [
    Clients { kind: Kind::RightLogin, number: 2, every: Duration::from_millis(200) },
    Clients { kind: Kind::GoodToken, number: 5, every: Duration::from_millis(50) },
];
/// `SECRET_REFRESH_SECONDS` where nothing else is configured, and a second.
const REFRESH: u64 = 301;
/// How long a source is left alone that was just asked, and a second.
const PAUSE: u64 = 11;
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
    let quick = users::variables(users::quick());
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

    fn load(&self) -> Load<'_> {
        let (login, validate) = (self.login.url(""), self.validate.url(""));
        let traffic = Traffic::start(login, validate, self.log_in(), &CLIENTS);
        Load { functions: self, traffic, since: Instant::now() }
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

    fn refuses(&self, token: &str) {
        let refused = || (self.validate(token) == 403).then_some(());
        wait::until("the old token is refused", SOON, refused);
    }
}

/// Requests of which none may fail.
struct Load<'a> {
    functions: &'a Functions,
    traffic: Traffic,
    since: Instant,
}

impl Load<'_> {
    /// From now on these tokens are validated as well, and no others.
    fn validate_too(&self, tokens: &[String]) {
        self.traffic.validate_too(tokens);
        thread::sleep(A_WHILE);
    }

    /// Ends, and looks at every answer.
    fn all_good(self, what: &str) {
        let records = self.traffic.stop();
        let rate = records.0.len() as u128 * 1_000 / self.since.elapsed().as_millis().max(1);
        println!("{what}: {rate} requests in a second: {}", records.summary());
        assert!(rate > 25, "too busy to say anything: {rate} requests in a second");
        let logs = [&self.functions.login, &self.functions.validate].map(Service::log).join("\n");
        let good = |line: &&str| line.contains("\"status\":200") || !line.contains("\"status\"");
        let bad: Vec<&str> = logs.lines().filter(|line| !good(line)).collect();
        let all_good = records.0.iter().all(Record::is_usual);
        assert!(all_good, "{what}: {}\n{}", records.summary(), bad.join("\n"));
    }
}
