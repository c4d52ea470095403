//! Requests at a constant rate, whatever becomes of them, while a test does something.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::http::{Answer, Request};

/// All threads together.
const RATE: u32 = 200;
const THREADS: u32 = 10;
/// Every so many requests of a thread one is a login, and the others are validations.
const LOGIN_EVERY: usize = 10;

/// Who logs in, and where.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The address of `login`.
    pub login: String,
    /// The address of `validate`.
    pub validate: String,
    /// E-mail and password.
    pub user: (&'static str, &'static str),
}

/// Requests under way: 200 in a second, of which 20 are logins. Each thread validates the
/// token of its last login; beside that, tokens that the test adds.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    since: Instant,
}

struct Shared {
    targets: Targets,
    stop: AtomicBool,
    tokens: Mutex<Vec<String>>,
    counts: Mutex<Counts>,
}

/// How often there was which answer.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// The status of logins.
    pub logins: BTreeMap<u16, usize>,
    /// The status of validations.
    pub validations: BTreeMap<u16, usize>,
    /// The longest time that an answer took.
    pub slowest: Duration,
}

impl Load {
    /// Begins.
    #[must_use]
    pub fn start(targets: Targets) -> Self {
        let shared = Arc::new(Shared {
            targets,
            stop: AtomicBool::new(false),
            tokens: Mutex::default(),
            counts: Mutex::default(),
        });
        let threads = (0..THREADS).map(|number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.run(number))
        });
        Self { threads: threads.collect(), shared, since: Instant::now() }
    }

    /// From now on these tokens are validated as well.
    pub fn validate_too(&self, tokens: &[String]) {
        *self.shared.tokens.lock().expect("no thread panicked") = tokens.to_vec();
    }

    /// Goes on for a while.
    pub fn go_on(&self, time: Duration) {
        thread::sleep(time);
    }

    /// What came back so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().expect("no thread panicked").clone()
    }

    /// Ends, and says what came back.
    ///
    /// # Panics
    ///
    /// If fewer than half of the requests were sent: then the machine was too busy to say
    /// anything.
    #[must_use]
    pub fn stop(mut self) -> Counts {
        self.end();
        let counts = self.counts();
        let sent: usize = counts.logins.values().chain(counts.validations.values()).sum();
        let rate = sent as u128 * 1_000 / self.since.elapsed().as_millis().max(1);
        println!("{rate} requests in a second: {counts:?}");
        assert!(rate > u128::from(RATE) / 2, "{rate} requests in a second");
        counts
    }
}

impl Load {
    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Nobody is sent requests by a test that failed.
impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Counts {
    /// Whether every request was answered with 200, and there were some of each.
    #[must_use]
    pub fn all_good(&self) -> bool {
        let good = |counts: &BTreeMap<u16, usize>| counts.keys().eq([&200]);
        good(&self.logins) && good(&self.validations)
    }
}

impl Shared {
    /// Requests at even distances; one that is late does not delay those after the next.
    fn run(&self, number: u32) {
        let distance = Duration::from_secs(1) * THREADS / RATE;
        let mut next = Instant::now() + distance * number / THREADS;
        let mut token = None;
        for count in 0.. {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next += distance;
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if count % LOGIN_EVERY == 0 || token.is_none() {
                token = self.log_in();
            } else if let Some(own) = &token {
                let others = self.tokens.lock().expect("no thread panicked").clone();
                let other = others.get(count % (others.len() + 1));
                self.validate(other.unwrap_or(own));
            }
        }
    }

    fn log_in(&self) -> Option<String> {
        let Targets { login, user: (email, password), .. } = &self.targets;
        let answer = self.send(Request::new("POST", login).basic(email, password), |counts| {
            &mut counts.logins
        })?;
        (answer.status == 200).then(|| answer.text().to_owned())
    }

    fn validate(&self, token: &str) {
        let request = Request::new("GET", &self.targets.validate).bearer(token);
        self.send(request, |counts| &mut counts.validations);
    }

    /// No answer at all counts as status 0.
    fn send(
        &self,
        request: Request,
        of: impl Fn(&mut Counts) -> &mut BTreeMap<u16, usize>,
    ) -> Option<Answer> {
        let since = Instant::now();
        let answer = request.try_send().ok();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let mut counts = self.counts.lock().expect("no thread panicked");
        *of(&mut counts).entry(status).or_default() += 1;
        counts.slowest = counts.slowest.max(since.elapsed());
        answer
    }
}
