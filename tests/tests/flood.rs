//! Twenty times as many logins as can be hashed: what is too much is refused at once, and
//! what is accepted is answered in time, in bounded memory, beside a `validate` that does
//! not notice.

use std::{
    thread,
    time::{Duration, Instant},
};

use shared::config::Argon2Config;
use system_tests::{
    contract::token,
    mariadb,
    service::{Service, start_both},
    traffic::{Kind, Traffic},
    users,
};

/// The memory of the default, and a time that leaves the cores to the hashes and not to
/// those who flood.
const COST: Argon2Config = Argon2Config { memory_kib: 19_456, iterations: 8, parallelism: 1 };
const FLOOD: Duration = Duration::from_secs(4);
const TIMES: u32 = 20;
/// Of each kind.
const CLIENTS: u32 = 48;
/// Hashes that wait for each that runs.
const WAITING_PER_SLOT: u32 = 8;
/// For all but the hashes, in KiB: the program's own pages, its threads and connections.
const BESIDE: usize = 32 * 1024;
/// The machine is shared with those who flood, and with other tests.
const GENEROUS: u32 = 4;

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_flood_of_logins_is_refused_at_once_and_leaves_no_trace() {
    let slots = thread::available_parallelism().expect("a number of cores").get();
    let server = mariadb::shared();
    users::add(&server, COST);
    let mut database = server.login_variables();
    database.extend(users::variables(COST));
    let [login, validate] = start_both(database);

    let before = sequential(&login);
    let every = before * 2 * CLIENTS / TIMES / u32::try_from(slots).expect("a number of cores");
    let clients = [
        (Kind::RightLogin, CLIENTS, every),
        (Kind::WrongLogin, CLIENTS, every),
        (Kind::GoodToken, 1, Duration::from_millis(50)),
    ];
    let good = token("ada@example.com", false);
    let traffic = Traffic::start(&login, &validate, good, &clients);
    thread::sleep(FLOOD);
    let records = traffic.stop();
    let after = sequential(&login);
    let peak = login.process.memory_kib("VmHWM");

    let logins = records.filter(|record| record.kind.is_login());
    let accepted = logins.filter(|record| record.status != 503);
    let refused = logins.filter(|record| record.status == 503);
    let validations = records.filter(|record| record.kind == Kind::GoodToken);
    let queue = before * (1 + WAITING_PER_SLOT);
    println!("{} | one login {before:?} before, {after:?} after | {peak} KiB", records.summary());
    for (what, records) in
        [("accepted", &accepted), ("refused", &refused), ("validations", &validations)]
    {
        let [median, most] = [50, 99].map(|percent| records.percentile(percent));
        println!("{what}: {}, 50 % in {median:?}, 99 % in {most:?}", records.0.len());
    }
    let as_planned = FLOOD.as_millis() / every.as_millis().max(1) * u128::from(2 * CLIENTS);
    assert!(logins.0.len() as u128 > as_planned / 2, "too few for a flood: {}", logins.0.len());
    assert!(accepted.0.iter().all(|record| [200, 401].contains(&record.status)));
    assert!(accepted.0.len() > slots * 10 && refused.0.len() > accepted.0.len());
    assert!(validations.0.iter().all(|record| record.is_usual) && validations.0.len() > 40);
    assert!(accepted.percentile(99) < queue * GENEROUS);
    assert!(refused.percentile(99) < before * 4, "at once: {:?}", refused.percentile(99));
    assert!(peak < slots * COST.memory_kib as usize + BESIDE, "{peak} KiB");
    assert!(after < before * 3, "{after:?} after {before:?}");
}

/// How long one login after another takes; the median of several.
fn sequential(login: &Service) -> Duration {
    let times = (0..12).map(|number| {
        let since = Instant::now();
        let answer = users::log_in(login, &users::email("alone", number), users::PASSWORD);
        assert_eq!(answer.status, 200);
        since.elapsed()
    });
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}
