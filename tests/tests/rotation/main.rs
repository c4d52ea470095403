//! Keys and passwords that change while requests go on: no valid request fails, and what
//! was taken away is refused in time.

mod database_password;
mod freeze;
mod guide;
mod mounted_file;
mod outage;
mod secrets_manager;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use system_tests::{
    Environment,
    clock::Clock,
    database::DatabaseServer,
    service::Service,
    traffic::{Clients, Kind, Record, Records, Traffic},
    users, wait,
};

const USER: (&str, &str) = ("right-0@example.com", users::PASSWORD);
/// 20 logins in a second, and 180 validations.
const CLIENTS: [Clients; 2] = [
    Clients { kind: Kind::RightLogin, number: 2, every: Duration::from_millis(100) },
    Clients { kind: Kind::GoodToken, number: 9, every: Duration::from_millis(50) },
];
/// `SECRET_REFRESH_SECONDS` where nothing else is configured, and a second.
const REFRESH: u64 = 301;
/// For what should happen at the next request.
const SOON: Duration = Duration::from_secs(20);

/// One test at a time: two loads at once would say nothing of either.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the account's connections, so that every one has to be made anew.
fn end_connections(server: &DatabaseServer) {
    let list = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    for id in server.query(list).lines() {
        // It may have ended by itself.
        let _ = server.run_sql(&format!("KILL CONNECTION {id}"));
    }
}

/// All of `parts`, with passwords that are quick to check.
fn variables(parts: &[&Environment], more: &[(&str, &str)]) -> Environment {
    let mut all = Environment::new();
    for part in parts {
        all.extend(part.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    all.extend(users::variables(users::quick()));
    all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// Both functions as HTTP services that have been used once.
struct Functions {
    login: Service,
    validate: Service,
}

impl Functions {
    fn start(variables: &Environment) -> Self {
        let login = Service::start("login", variables.clone());
        let validate = Service::start("validate", variables.clone());
        let started = Self { login, validate };
        assert_eq!(started.validate(&started.log_in()), 200);
        started
    }

    fn load(&self) -> Load<'_> {
        let (login, validate) = (self.login.url(""), self.validate.url(""));
        let traffic = Traffic::start(login, validate, self.log_in(), &CLIENTS);
        Load { functions: self, traffic, since: Instant::now() }
    }

    fn log_in(&self) -> String {
        let answer = self.login.request("POST", "/login").basic(USER.0, USER.1).send();
        assert_eq!(answer.status, 200, "{}", self.login.log());
        answer.text().to_owned()
    }

    fn validate(&self, token: &str) -> u16 {
        self.validate.request("GET", "/validate").bearer(token).send().status
    }

    /// Moves the clock so that every secret is old, and waits until both functions have
    /// noticed that the key is another one.
    fn notice_new_key(&self, clock: &mut Clock) {
        let renewals = || [&self.login, &self.validate].map(|it| count(&it.log(), "was renewed"));
        let before = renewals();
        clock.advance(REFRESH);
        wait::until("both functions have the new secret", SOON, || {
            let now = renewals();
            (now[0] > before[0] && now[1] > before[1]).then_some(())
        });
    }
}

/// Requests of which none may fail.
struct Load<'a> {
    functions: &'a Functions,
    traffic: Traffic,
    since: Instant,
}

impl Load<'_> {
    /// Ends, and looks at every answer.
    fn all_good(self, what: &str) -> Records {
        let records = self.traffic.stop();
        let rate = records.0.len() as u128 * 1_000 / self.since.elapsed().as_millis().max(1);
        println!("{what}: {rate} requests in a second: {}", records.summary());
        assert!(rate > 100, "too busy to say anything: {rate} requests in a second");
        let logs = [&self.functions.login, &self.functions.validate].map(Service::log).join("\n");
        let good = |line: &&str| line.contains("\"status\":200") || !line.contains("\"status\"");
        let bad: Vec<&str> = logs.lines().filter(|line| !good(line)).collect();
        let all_good = records.0.iter().all(Record::is_usual);
        assert!(all_good, "{what}: {}\n{}", records.summary(), bad.join("\n"));
        records
    }
}

fn count(log: &str, text: &str) -> usize {
    log.matches(text).count()
}

/// A JWK Set of symmetric keys with these names, in this order.
fn key_set(names: &[&str]) -> String {
    let key = |name: &&str| {
        let secret = URL_SAFE_NO_PAD.encode(name.repeat(40));
        json!({ "kty": "oct", "kid": name, "k": secret })
    };
    json!({ "keys": names.iter().map(key).collect::<Vec<_>>() }).to_string()
}

/// The `kid` that a token names.
fn kid(token: &str) -> Option<String> {
    let header = token.split('.').next().expect("a header");
    let header = URL_SAFE_NO_PAD.decode(header).expect("Base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().map(str::to_owned)
}
