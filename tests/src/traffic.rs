//! Clients of every kind at even distances, and what became of each of their requests.

mod record;

pub use record::{Clients, Kind, Record, Records};

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    contract,
    http::{Answer, Request},
    users::{self, PASSWORD},
};

/// Requests under way, until [`stop`](Self::stop).
pub struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    login: String,
    validate: String,
    stop: AtomicBool,
    /// That of the last right login, and those that a test added.
    tokens: Mutex<(String, Vec<String>)>,
    records: Mutex<Vec<Record>>,
}

impl Traffic {
    /// Begins, at these addresses of `login` and `validate`. `token` is a good one, until
    /// the first login.
    #[must_use]
    pub fn start(login: String, validate: String, token: String, clients: &[Clients]) -> Self {
        let shared = Arc::new(Shared {
            login,
            validate,
            stop: AtomicBool::new(false),
            tokens: Mutex::new((token, Vec::new())),
            records: Mutex::default(),
        });
        let threads = clients.iter().flat_map(|clients| {
            let shared = &shared;
            (0..clients.number).map(move |number| {
                let (shared, clients) = (Arc::clone(shared), *clients);
                thread::spawn(move || shared.run(clients, number))
            })
        });
        Self { threads: threads.collect(), shared }
    }

    /// From now on these tokens are validated as well.
    pub fn validate_too(&self, tokens: &[String]) {
        lock(&self.shared.tokens).1 = tokens.to_vec();
    }

    /// What was answered so far.
    #[must_use]
    pub fn records(&self) -> Records {
        Records(lock(&self.shared.records).clone())
    }

    /// Ends, and says what was answered.
    #[must_use]
    pub fn stop(mut self) -> Records {
        self.end();
        self.records()
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A test that failed sends no more requests.
impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn run(&self, clients: Clients, number: u32) {
        let mut next = Instant::now() + clients.every * number / clients.number;
        for count in 0.. {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let sent = Instant::now();
            let (status, is_right) = self.send(clients.kind, number as usize, count);
            let record =
                Record { kind: clients.kind, sent, took: sent.elapsed(), status, is_right };
            lock(&self.records).push(record);
            next = (next + clients.every).max(Instant::now());
        }
    }

    /// The status, and whether a 200 was right.
    fn send(&self, kind: Kind, number: usize, count: usize) -> (u16, bool) {
        let unknown = format!("{number}-{count}@example.org");
        // Clients begin at users far from each other.
        let wrong = users::email("wrong", number * 101 + count);
        match kind {
            Kind::RightLogin => self.right_login(&users::email("right", number)),
            Kind::WrongLogin => (self.log_in(&wrong, "not the password").0, true),
            Kind::UnknownLogin => (self.log_in(&unknown, PASSWORD).0, true),
            Kind::GoodToken => self.good_token(count),
            Kind::ExpiredToken => {
                let claims = json!({ "username": "a@b", "admin": true, "iat": 1, "exp": 2 });
                (self.validate(&contract::token_with(&claims)).0, true)
            }
            Kind::GarbageToken => (self.validate(&garbage(&self.token(0), count)).0, true),
        }
    }

    /// That of the last login, and those that were added, in turns.
    fn token(&self, count: usize) -> String {
        let tokens = lock(&self.tokens);
        let (own, added) = &*tokens;
        added.get(count % (added.len() + 1)).unwrap_or(own).clone()
    }

    fn log_in(&self, email: &str, password: &str) -> (u16, Option<Answer>) {
        answered(Request::new("POST", &format!("{}/login", self.login)).basic(email, password))
    }

    /// The token has to be that user's.
    fn right_login(&self, email: &str) -> (u16, bool) {
        let (status, answer) = self.log_in(email, PASSWORD);
        let Some(answer) = answer.filter(|_| status == 200) else { return (status, true) };
        let claims = payload(answer.text()).and_then(|claims| serde_json::from_slice(&claims).ok());
        let is_right = claims.is_some_and(|claims: Value| claims["username"] == email);
        if is_right {
            answer.text().clone_into(&mut lock(&self.tokens).0);
        }
        (status, is_right)
    }

    /// The answer has to be what the token holds.
    fn good_token(&self, count: usize) -> (u16, bool) {
        let token = self.token(count);
        let (status, answer) = self.validate(&token);
        let same = answer.is_some_and(|answer| Some(answer.body) == payload(&token));
        (status, status != 200 || same)
    }

    fn validate(&self, token: &str) -> (u16, Option<Answer>) {
        answered(Request::new("GET", &format!("{}/validate", self.validate)).bearer(token))
    }
}

fn answered(request: Request) -> (u16, Option<Answer>) {
    let answer = request.try_send().ok();
    (answer.as_ref().map_or(0, |answer| answer.status), answer)
}

fn payload(token: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()
}

fn garbage(token: &str, count: usize) -> String {
    let unknown = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"of no key"}"#);
    match count % 4 {
        0 => "garbage".into(),
        1 => "a.b.c".into(),
        2 => format!("{unknown}.e30.{}", "A".repeat(43)),
        // Another subject under the same signature.
        _ => {
            let mut parts: Vec<&str> = token.split('.').collect();
            let forged = URL_SAFE_NO_PAD.encode(r#"{"username":"root","admin":true,"exp":9e9}"#);
            parts[1] = &forged;
            parts.join(".")
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
