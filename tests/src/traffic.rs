//! Clients of every kind at even distances, and what became of each of their requests.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    contract::payload,
    http::{Answer, Request},
    raw::Connection,
    users::{self, PASSWORD},
};

/// The header of a token: HS256, and a `kid` of no key.
const UNKNOWN_KEY: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9mIG5vIGtleSJ9";

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login with the right password, for each client another user.
    RightLogin,
    /// In turns one with a wrong password and one for an e-mail that no user has, each time another.
    WrongLogin,
    /// A validation of the token of the last right login, or of one that a test added.
    GoodToken,
    /// A validation of a token of an unknown key.
    BadToken,
}

impl Kind {
    /// Whether it is for `login`, which needs a database.
    pub fn is_login(self) -> bool {
        matches!(self, Self::RightLogin | Self::WrongLogin)
    }

    /// What is answered while all is well. An e-mail that fails often enough is locked.
    fn usual(self) -> &'static [u16] {
        match self {
            Self::RightLogin | Self::GoodToken => &[200],
            Self::WrongLogin => &[401, 429],
            Self::BadToken => &[403],
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
    pub fn is_usual(&self) -> bool {
        self.is_right && self.kind.usual().contains(&self.status)
    }

    /// When it was answered.
    pub fn answered(&self) -> Instant {
        self.sent + self.took
    }
}

/// All requests of a while.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<Record>);

impl Records {
    /// Those for which something holds.
    pub fn filter(&self, holds: impl Fn(&Record) -> bool) -> Self {
        Self(self.0.iter().filter(|record| holds(record)).copied().collect())
    }

    /// Those of one kind.
    pub fn of(&self, kind: Kind) -> Self {
        self.filter(|record| record.kind == kind)
    }

    /// Those that were sent at this time or later.
    pub fn since(&self, time: Instant) -> Self {
        self.filter(|record| record.sent >= time)
    }

    /// How long so many of a hundred answers took at most.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut times: Vec<_> = self.0.iter().map(|record| record.took).collect();
        times.sort_unstable();
        let last = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(last).copied().unwrap_or_default()
    }

    /// `200 ×31, 503 ×4, slowest 3.02 s`.
    pub fn summary(&self) -> String {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for record in &self.0 {
            *statuses.entry(record.status).or_default() += 1;
        }
        let counts: Vec<_> =
            statuses.iter().map(|(status, count)| format!("{status} ×{count}")).collect();
        format!("{}, slowest {:.2} s", counts.join(", "), self.percentile(100).as_secs_f64())
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
    pub fn records(&self) -> Records {
        Records(lock(&self.shared.records).clone())
    }

    /// Ends, and says what was answered.
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
            let answer = self.send(clients.kind, number as usize, count);
            let (status, is_right) = answer.unwrap_or((0, true));
            let record =
                Record { kind: clients.kind, sent, took: sent.elapsed(), status, is_right };
            lock(&self.records).push(record);
            next = (next + clients.every).max(Instant::now());
        }
    }

    /// The status, and whether a 200 was right.
    fn send(&self, kind: Kind, number: usize, count: usize) -> Option<(u16, bool)> {
        let (answer, is_right) = match kind {
            Kind::RightLogin => {
                let email = users::email("right", number);
                let answer = self.log_in(&email, PASSWORD)?;
                let is_right = self.is_token_of(&answer, &email);
                (answer, is_right)
            }
            // Clients begin at users far from each other.
            Kind::WrongLogin if count.is_multiple_of(2) => {
                (self.log_in(&users::email("wrong", number * 101 + count), "not it")?, true)
            }
            Kind::WrongLogin => {
                (self.log_in(&format!("{number}-{count}@example.org"), PASSWORD)?, true)
            }
            // The answer has to be what the token holds.
            Kind::GoodToken => {
                let token = self.token(count);
                let answer = self.validate(&token)?;
                let is_right = payload(&token).as_ref() == Some(&answer.body);
                (answer, is_right)
            }
            Kind::BadToken => {
                let token = self.token(0);
                let (_, rest) = token.split_once('.')?;
                (self.validate(&format!("{UNKNOWN_KEY}.{rest}"))?, true)
            }
        };
        Some((answer.status, answer.status != 200 || is_right))
    }

    /// That of the last login, and those that were added, in turns.
    fn token(&self, count: usize) -> String {
        let tokens = lock(&self.tokens);
        let (own, added) = &*tokens;
        added.get(count % (added.len() + 1)).unwrap_or(own).clone()
    }

    fn log_in(&self, email: &str, password: &str) -> Option<Answer> {
        let request = Request::new("POST", "/login").to(&self.login);
        request.basic(email, password).try_send().ok()
    }

    fn is_token_of(&self, answer: &Answer, email: &str) -> bool {
        let claims = payload(answer.text()).and_then(|claims| serde_json::from_slice(&claims).ok());
        let is_right = claims.is_some_and(|claims: Value| claims["username"] == email);
        if is_right {
            answer.text().clone_into(&mut lock(&self.tokens).0);
        }
        is_right
    }

    fn validate(&self, token: &str) -> Option<Answer> {
        Request::new("GET", "/validate").to(&self.validate).bearer(token).try_send().ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends 500 requests a second on kept connections until connections are refused: how many were
/// answered with 200, and how many were not where nothing was refused.
pub fn until_refused(address: SocketAddr, request: &str) -> (usize, usize) {
    const CLIENTS: u32 = 10;
    const EVERY: Duration = Duration::from_millis(20);
    let begin = Instant::now();
    thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|number| {
            let first = begin + EVERY * number / CLIENTS;
            scope.spawn(move || send_until_refused(address, first, EVERY, request))
        });
        let clients: Vec<_> = clients.collect();
        let counts = clients.into_iter().map(|client| client.join().expect("a client"));
        counts.fold((0, 0), |(answered, lost), more| (answered + more.0, lost + more.1))
    })
}

/// On a connection that is kept as long as the service says.
fn send_until_refused(
    address: SocketAddr,
    mut next: Instant,
    every: Duration,
    request: &str,
) -> (usize, usize) {
    let (mut answered, mut lost, mut kept) = (0, 0, None);
    loop {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += every;
        let connection = kept.take().map_or_else(|| Connection::open(address), Ok);
        let exchanged = connection.and_then(|mut it| Ok((it.exchange(request)?, it)));
        match exchanged {
            Ok((answer, connection)) if answer.status == 200 => {
                answered += 1;
                kept = (!answer.is_last()).then_some(connection);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return (answered, lost);
            }
            other => {
                eprintln!("lost: {other:?}");
                lost += 1;
            }
        }
    }
}
