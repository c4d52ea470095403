//! Clients of every kind at even distances, and what became of each of their requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    contract,
    http::{Answer, Request},
    users::{self, PASSWORD},
};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login with the right password.
    RightLogin,
    /// One with a wrong password, each time for another user.
    WrongLogin,
    /// One for an e-mail that no user has, each time another one.
    UnknownLogin,
    /// A validation of the token of the last right login, or of one that a test added.
    GoodToken,
    /// One of a token that has expired.
    ExpiredToken,
    /// One of something else, or of a good token that was changed.
    GarbageToken,
}

impl Kind {
    /// Whether it is for `login`, which needs a database.
    #[must_use]
    pub fn is_login(self) -> bool {
        matches!(self, Self::RightLogin | Self::WrongLogin | Self::UnknownLogin)
    }

    /// What is answered while all is well. An e-mail that fails often enough is locked.
    fn usual(self) -> &'static [u16] {
        match self {
            Self::RightLogin | Self::GoodToken => &[200],
            Self::WrongLogin | Self::UnknownLogin => &[401, 429],
            Self::ExpiredToken | Self::GarbageToken => &[403],
        }
    }
}

/// Clients of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// What they send.
    pub kind: Kind,
    /// How many there are; each has one request under way at a time.
    pub number: u32,
    /// How often each of them sends one. A client that got no answer in time leaves out
    /// those that it has missed.
    pub every: Duration,
}

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// What was sent.
    pub kind: Kind,
    /// When.
    pub sent: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Its status; 0 where there was no answer.
    pub status: u16,
    /// Whether a 200 was about the right user.
    pub is_right: bool,
}

impl Record {
    /// Whether the answer is what it would be while all is well.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.is_right && self.kind.usual().contains(&self.status)
    }

    /// When it was answered.
    #[must_use]
    pub fn answered(&self) -> Instant {
        self.sent + self.took
    }
}

/// All requests of a while.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<Record>);

impl Records {
    /// Those of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Self {
        Self(self.0.iter().filter(|record| record.kind == kind).copied().collect())
    }

    /// Those that were sent at this time or later.
    #[must_use]
    pub fn since(&self, time: Instant) -> Self {
        Self(self.0.iter().filter(|record| record.sent >= time).copied().collect())
    }

    /// The time of the slowest answer.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.0.iter().map(|record| record.took).max().unwrap_or_default()
    }

    /// `200 ×31, 503 ×4, slowest 3.02 s`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for record in &self.0 {
            *statuses.entry(record.status).or_default() += 1;
        }
        let counts: Vec<_> =
            statuses.iter().map(|(status, count)| format!("{status} ×{count}")).collect();
        format!("{}, slowest {:.2} s", counts.join(", "), self.slowest().as_secs_f64())
    }
}

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
