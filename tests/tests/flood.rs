//! Twenty times as many logins as can be hashed: what is too much is refused at once, and
//! what is accepted is answered in time, in bounded memory, beside a `validate` that does
//! not notice.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use shared::config::Argon2Config;
use system_tests::{
    contract::{SECRET, token},
    http::Request,
    mariadb,
    process::peak_memory,
    service::Service,
    users,
};

/// The memory of the default, and a time that leaves the cores to the hashes and not to
/// those who flood.
const COST: Argon2Config = Argon2Config { memory_kib: 19_456, iterations: 8, parallelism: 1 };
const FLOOD: Duration = Duration::from_secs(10);
const TIMES: f64 = 20.0;
const CLIENTS: usize = 96;
/// Hashes that wait for each that runs.
const WAITING_PER_SLOT: usize = 8;
/// For all but the hashes, in KiB: the program's own pages, its threads and connections.
const BESIDE: usize = 32 * 1024;
/// The machine is shared with those who flood, and with other tests.
const GENEROUS: f64 = 4.0;

/// An answer of the flood.
struct Answered {
    status: u16,
    retry_after: bool,
    took: Duration,
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_flood_of_logins_is_refused_at_once_and_leaves_no_trace() {
    let slots = thread::available_parallelism().expect("a number of cores").get();
    let server = mariadb::start();
    server.init();
    users::add(&server, COST);
    let mut variables = users::variables(COST);
    variables.insert("JWT_SECRET".into(), SECRET.into());
    let login = {
        let mut variables = variables.clone();
        variables.extend(server.login_variables());
        Service::start("login", variables)
    };
    let validate = Service::start("validate", variables);

    let before = sequential(&login, "alone");
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    let rate = TIMES * slots as f64 / before.as_secs_f64();
    let (answers, validations) = flood(&login.url("/login"), &validate.url("/validate"), rate);
    let after = sequential(&login, "alone");
    let peak = peak_memory(login.id());

    let mut statuses = BTreeMap::<u16, usize>::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_default() += 1;
    }
    let accepted = times(&answers, |answer| answer.status != 503);
    let refused = times(&answers, |answer| answer.status == 503);
    #[expect(clippy::cast_precision_loss, reason = "a short queue")]
    let queue = before.as_secs_f64() * (1 + WAITING_PER_SLOT) as f64;
    let ratio = quantile(&accepted, 99).as_secs_f64() / queue;
    println!(
        "FLOOD of {rate:.0} logins in a second, {} sent | {statuses:?} | accepted: p50 {:?}, p99 \
         {:?}, {ratio:.2} of the queue's {queue:.2} s | refused: p50 {:?}, p99 {:?} | one login \
         {before:?} before, {after:?} after | peak memory {} MiB | {} validations, p99 {:?}",
        answers.len(),
        quantile(&accepted, 50),
        quantile(&accepted, 99),
        quantile(&refused, 50),
        quantile(&refused, 99),
        peak / 1024,
        validations.len(),
        quantile(&times(&validations, |_| true), 99),
    );

    let seconds = FLOOD.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let sent = answers.len() as f64 / seconds;
    assert!(sent > rate / 2.0, "{sent} logins in a second: too few for a flood");
    assert!(statuses.keys().all(|status| [200, 401, 503].contains(status)), "{statuses:?}");
    assert!(accepted.len() > slots * 10 && refused.len() > accepted.len(), "{statuses:?}");
    assert!(answers.iter().all(|answer| answer.status != 503 || answer.retry_after));
    assert!(validations.iter().all(|answer| answer.status == 200) && validations.len() > 100);
    assert!(ratio < GENEROUS, "{ratio}");
    assert!(quantile(&refused, 99) < before * 4, "at once: {:?}", quantile(&refused, 99));
    assert!(peak < slots * COST.memory_kib as usize + BESIDE, "{peak} KiB");
    assert!(after < before * 3, "{after:?} after {before:?}");
}

/// How long one login after another takes; the median of several.
fn sequential(login: &Service, name: &str) -> Duration {
    let times = (0..12).map(|number| {
        let request =
            login.request("POST", "/login").basic(&users::email(name, number), users::PASSWORD);
        let since = Instant::now();
        assert_eq!(request.send().status, 200);
        since.elapsed()
    });
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    quantile(&times, 50)
}

/// So many logins in a second, of users and of nobody, and 20 validations.
fn flood(login: &str, validate: &str, rate: f64) -> (Vec<Answered>, Vec<Answered>) {
    #[expect(clippy::cast_precision_loss, reason = "a number of threads")]
    let every = Duration::from_secs_f64(CLIENTS as f64 / rate);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    repeat(every, |count| {
                        let number = count * CLIENTS + client;
                        let email = match number % 3 {
                            0 => format!("nobody-{number}@example.org"),
                            _ => users::email(["", "right", "wrong"][number % 3], number),
                        };
                        Request::new("POST", login).basic(&email, users::PASSWORD)
                    })
                })
            })
            .collect();
        let token = token("ada@example.com", false);
        let validations =
            repeat(Duration::from_millis(50), |_| Request::new("GET", validate).bearer(&token));
        let answers = clients.into_iter().flat_map(|client| client.join().expect("no panic"));
        (answers.collect(), validations)
    })
}

/// Requests at even distances for as long as the flood lasts.
fn repeat(every: Duration, request: impl Fn(usize) -> Request) -> Vec<Answered> {
    let (began, mut answers) = (Instant::now(), Vec::new());
    let mut next = began;
    for count in 0.. {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next = (next + every).max(Instant::now());
        if began.elapsed() > FLOOD {
            break;
        }
        let sent = Instant::now();
        let answer = request(count).try_send().ok();
        let took = sent.elapsed();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let retry_after = answer.is_some_and(|answer| answer.header("retry-after").is_some());
        answers.push(Answered { status, retry_after, took });
    }
    answers
}

fn times(answers: &[Answered], which: impl Fn(&Answered) -> bool) -> Vec<Duration> {
    let mut times: Vec<_> =
        answers.iter().filter(|answer| which(answer)).map(|answer| answer.took).collect();
    times.sort_unstable();
    times
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted
        .get((sorted.len() * percent).div_ceil(100).saturating_sub(1))
        .copied()
        .unwrap_or_default()
}
