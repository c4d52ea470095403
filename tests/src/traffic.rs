//! Clients of every kind at even distances, and what became of each of their requests.
//!
//! [`load`](crate::load) is for changes that nobody may notice, and counts; this one is
//! for faults that clients do notice, and keeps what was answered when.

mod client;
mod kind;
mod record;
pub mod users;

pub use kind::Kind;
pub use record::{Record, Records, Recovery};

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Where requests go, as `http://host:port`.
#[derive(Debug, Clone)]
pub struct Targets {
    /// `login`.
    pub login: String,
    /// Instances of `validate`, which take turns.
    pub validate: Vec<String>,
}

/// Clients of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// What they send.
    pub kind: Kind,
    /// How many there are; each has one request under way at a time.
    pub number: usize,
    /// How often each of them sends one. A client that got no answer in time leaves out
    /// those that it has missed.
    pub every: Duration,
}

/// Requests under way, until [`stop`](Self::stop).
pub struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    targets: Mutex<Targets>,
    /// What the last right login was given.
    token: Mutex<String>,
    records: Mutex<Vec<Record>>,
}

impl Traffic {
    /// Begins. `token` is a good one, for as long as nobody has logged in.
    #[must_use]
    pub fn start(targets: Targets, token: String, clients: &[Clients]) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            targets: Mutex::new(targets),
            token: Mutex::new(token),
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

    /// From now on requests for `validate` go to these instances.
    pub fn validate_at(&self, instances: Vec<String>) {
        lock(&self.shared.targets).validate = instances;
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

/// Nobody is sent requests by a test that failed.
impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn run(&self, clients: Clients, number: usize) {
        let share = u32::try_from(number).unwrap_or_default();
        let all = u32::try_from(clients.number).unwrap_or(1);
        let mut next = Instant::now() + clients.every * share / all;
        for count in 0.. {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let record = client::send(self, clients.kind, number, count);
            lock(&self.records).push(record);
            next = (next + clients.every).max(Instant::now());
        }
    }

    fn targets(&self) -> Targets {
        lock(&self.targets).clone()
    }

    fn token(&self) -> String {
        lock(&self.token).clone()
    }

    fn take_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.token));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
