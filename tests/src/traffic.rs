//! Clients that send requests at a constant rate, and records of their requests.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Connection, Request, Service,
    contract::payload,
    users::{self, PASSWORD},
};

/// The encoded header of a token: HS256, and a `kid` that no key has.
const UNKNOWN_KEY: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9mIG5vIGtleSJ9";

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login with the right password; each client has its own user.
    RightLogin,
    /// Logins with a wrong password and with an unknown e-mail in turn, each for another e-mail.
    WrongLogin,
    /// A validation of the token of the last right login, or of one of the extra tokens.
    GoodToken,
    /// A validation of a token with an unknown key.
    BadToken,
}

impl Kind {
    /// Whether it is a request to `login`.
    pub fn is_login(self) -> bool {
        matches!(self, Self::RightLogin | Self::WrongLogin)
    }
}

/// What the clients send, how many they are, and the interval between two requests of one client.
pub type Clients = (Kind, u32, Duration);

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// The kind of the request.
    pub kind: Kind,
    /// When it was sent.
    pub sent: Instant,
    /// When it was answered.
    pub answered: Instant,
    /// The status; 0 if there was no answer.
    pub status: u16,
    /// Whether the answer is the one without faults, and for the right user.
    pub is_expected: bool,
}

/// Records of several requests.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<Record>);

impl Records {
    /// The records for which `holds` is true.
    pub fn filter(&self, holds: impl Fn(&Record) -> bool) -> Self {
        Self(self.0.iter().filter(|record| holds(record)).copied().collect())
    }

    /// The percentile of the time until the answer.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut times: Vec<_> = self.0.iter().map(|it| it.answered - it.sent).collect();
        times.sort_unstable();
        let last = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(last).copied().unwrap_or_default()
    }

    /// A summary such as `200 ×31, 503 ×4, slowest 3.02 s`.
    pub fn summary(&self) -> String {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for record in &self.0 {
            *statuses.entry(record.status).or_default() += 1;
        }
        let counts = statuses.iter().map(|(status, count)| format!("{status} ×{count}, "));
        let slowest = self.percentile(100).as_secs_f64();
        format!("{}slowest {slowest:.2} s", counts.collect::<String>())
    }
}

/// Running clients. They end when this is dropped, so also when a test fails.
pub struct Traffic {
    state: Arc<Mutex<State>>,
    threads: Vec<JoinHandle<()>>,
}

struct State {
    has_ended: bool,
    /// The token of the last right login, and the extra tokens.
    tokens: Vec<String>,
    records: Vec<Record>,
}

impl Traffic {
    /// Starts the clients. `token` is a good token for the time until the first login.
    pub fn start(login: &Service, validate: &Service, token: String, clients: &[Clients]) -> Self {
        let state = State { has_ended: false, tokens: vec![token], records: Vec::new() };
        let (state, ports) = (Arc::new(Mutex::new(state)), [login.port, validate.port]);
        let threads = clients.iter().flat_map(|&clients| {
            let start = |client| {
                let state = Arc::clone(&state);
                thread::spawn(move || run(&state, ports, clients, client))
            };
            (0..clients.1).map(start).collect::<Vec<_>>()
        });
        Self { threads: threads.collect(), state }
    }

    /// Sets the extra tokens, which are validated from now on too.
    pub fn set_extra_tokens(&self, extra: &[String]) {
        let tokens = &mut lock(&self.state).tokens;
        tokens.truncate(1);
        tokens.extend_from_slice(extra);
    }

    /// The records so far.
    pub fn records(&self) -> Records {
        Records(lock(&self.state).records.clone())
    }

    /// Ends the clients and returns the records.
    pub fn stop(mut self) -> Records {
        self.end();
        self.records()
    }

    fn end(&mut self) {
        lock(&self.state).has_ended = true;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(state: &Mutex<State>, ports: [u16; 2], (kind, number, every): Clients, client: u32) {
    let mut next = Instant::now() + every * client / number;
    for count in 0.. {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        if lock(state).has_ended {
            return;
        }
        let sent = Instant::now();
        let sending = send(state, ports, kind, client as usize, count);
        let ((status, is_expected), answered) = (sending.unwrap_or((0, false)), Instant::now());
        lock(state).records.push(Record { kind, sent, answered, status, is_expected });
        next = (next + every).max(answered);
    }
}

/// Sends a request, and returns the status of the answer and whether it is as expected.
fn send(
    state: &Mutex<State>,
    ports: [u16; 2],
    kind: Kind,
    client: usize,
    count: usize,
) -> Option<(u16, bool)> {
    let log_in = |email: &str, password: &str| {
        Request::new("POST", "/login").to(ports[0]).basic(email, password)
    };
    let validate = |token: &str| Request::new("GET", "/validate").to(ports[1]).bearer(token);
    let token = {
        let tokens = &lock(state).tokens;
        tokens[count % tokens.len()].clone()
    };
    let user = users::email("right", client);
    let request = match kind {
        Kind::RightLogin => log_in(&user, PASSWORD),
        // Each client begins at another user, far from those of other clients.
        Kind::WrongLogin if count.is_multiple_of(2) => {
            log_in(&users::email("wrong", client * 101 + count), "not it")
        }
        Kind::WrongLogin => log_in(&format!("{client}-{count}@example.org"), PASSWORD),
        Kind::GoodToken => validate(&token),
        Kind::BadToken => validate(&format!("{UNKNOWN_KEY}.{}", token.split_once('.')?.1)),
    };
    let answer = request.try_send().ok()?;
    let is_expected = match kind {
        Kind::RightLogin => {
            let claims = payload(answer.text()).unwrap_or_default();
            let claims = serde_json::from_slice::<Value>(&claims).unwrap_or_default();
            let is_right = claims["username"] == user;
            if is_right {
                answer.text().clone_into(&mut lock(state).tokens[0]);
            }
            is_right
        }
        // After enough failures an e-mail is locked.
        Kind::WrongLogin => [401, 429].contains(&answer.status),
        // The answer has to be the token's payload.
        Kind::GoodToken => payload(&token).as_ref() == Some(&answer.body),
        Kind::BadToken => answer.status == 403,
    };
    Some((answer.status, is_expected))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends 500 requests a second on persistent connections until the server refuses connections.
/// Returns how many requests got a 200, and how many of the others did not.
pub fn send_until_refused(port: u16, request: &str) -> (usize, usize) {
    const EVERY: Duration = Duration::from_millis(20);
    let begin = Instant::now();
    let client = |number| {
        let (mut next, mut kept) = (begin + EVERY * number / 10, None);
        let (mut answered, mut lost) = (0, 0);
        loop {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next += EVERY;
            let connection = kept.take().map_or_else(|| Connection::open(port), Ok);
            match connection.and_then(|mut it| Ok((it.exchange(request)?, it))) {
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
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..10).map(|it| scope.spawn(move || client(it))).collect();
        let counts = clients.into_iter().map(|client| client.join().expect("a client"));
        counts.fold((0, 0), |(answered, lost), more| (answered + more.0, lost + more.1))
    })
}
