//! More logins than can be hashed, and logins of disconnected clients: excess logins are refused at
//! once, accepted ones are answered in time, and memory stays bounded.

use std::{
    thread,
    time::{Duration, Instant},
};

use shared::config::Argon2Config;
use system_tests::{
    Connection, Kind, Service, Traffic, basic, head, mariadb, start_both, token, users, wait, with,
};

/// The default memory, and so many iterations that the hashes and not the clients load the cores.
const COST: Argon2Config = Argon2Config { memory_kib: 19_456, iterations: 8, parallelism: 1 };
/// How many times more logins than can be hashed.
const OVERLOAD: u32 = 20;
/// The number of clients of each kind.
const CLIENTS: u32 = 48;
/// The default length of the queue, for each hash slot.
const WAITING_PER_SLOT: u32 = 8;
/// Memory for everything except hashes: the program, its threads and connections.
const REST_KIB: usize = 32 * 1024;
/// A tolerance: the clients and other tests run on the same machine.
const TOLERANCE: u32 = 4;

#[test]
#[ignore = "needs MariaDB: make test"]
fn excess_logins_are_refused_at_once_and_do_not_slow_later_ones() {
    const FLOOD: Duration = Duration::from_secs(4);
    let slots = thread::available_parallelism().expect("a number of cores").get();
    let server = mariadb::shared();
    users::add(&server, COST);
    let mut database = server.login_variables();
    database.extend(users::argon2_variables(COST));
    let [login, validate] = start_both(database);

    let before = median_time(&login);
    let every = before * 2 * CLIENTS / OVERLOAD / u32::try_from(slots).expect("a number of cores");
    let clients = [
        (Kind::RightLogin, CLIENTS, every),
        (Kind::WrongLogin, CLIENTS, every),
        // `validate` is not affected.
        (Kind::GoodToken, 1, Duration::from_millis(50)),
    ];
    let good = token("ada@example.com", false);
    let traffic = Traffic::start(&login, &validate, good, &clients);
    thread::sleep(FLOOD);
    let records = traffic.stop();
    let after = median_time(&login);
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
    let planned = FLOOD.as_millis() / every.as_millis().max(1) * u128::from(2 * CLIENTS);
    assert!(logins.0.len() as u128 > planned / 2, "too few for a flood: {}", logins.0.len());
    assert!(accepted.0.iter().all(|record| [200, 401].contains(&record.status)));
    assert!(accepted.0.len() > slots * 10 && refused.0.len() > accepted.0.len());
    assert!(validations.0.iter().all(|record| record.is_expected) && validations.0.len() > 40);
    assert!(accepted.percentile(99) < queue * TOLERANCE);
    assert!(refused.percentile(99) < before * 4, "at once: {:?}", refused.percentile(99));
    assert!(peak < slots * COST.memory_kib as usize + REST_KIB, "{peak} KiB");
    assert!(after < before * 3, "{after:?} after {before:?}");
}

/// The median time of several logins, one after another.
fn median_time(login: &Service) -> Duration {
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

/// Two concurrent clients that send heads of 14 KiB and disconnect, as fast as they can.
fn send_and_disconnect(login: &Service) -> usize {
    let padding = format!("X-Padding: {}\r\n", "x".repeat(13 * 1024));
    let client = |number: usize| {
        let (since, mut sent) = (Instant::now(), 0);
        while since.elapsed() < Duration::from_secs(2) {
            let credentials = basic(&format!("{number}-{sent}@example.com"), "x");
            let headers = format!("Authorization: {credentials}\r\n{padding}");
            let connection = Connection::open(login.port);
            if connection.is_ok_and(|mut it| it.send(head("POST /login", &headers)).is_ok()) {
                sent += 1;
            }
        }
        sent
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| client(1));
        client(2) + other.join().expect("a client")
    })
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn logins_of_disconnected_clients_stay_within_the_memory_limit() {
    let mut server = mariadb::start();
    let cost = Argon2Config::default();
    users::add(&server, cost);
    let variables = [("HASH_SLOTS", "2"), ("MAX_CONNECTIONS", "100")];
    let login = Service::start("login", with(server.login_variables(), &variables));
    let status = || users::log_in(&login, &users::email("alone", 0), users::PASSWORD).status;
    assert_eq!(status(), 200);
    for database in ["running", "frozen"] {
        if database == "frozen" {
            server.process.freeze();
        }
        let sent = send_and_disconnect(&login);
        let peak = login.process.memory_kib("VmHWM");
        println!("{sent} heads of disconnected clients, database {database}: {peak} KiB");
        assert!(sent > 1_000, "too few for a flood: {sent}");
        assert!(peak < 2 * cost.memory_kib as usize + REST_KIB, "database {database}: {peak} KiB");
    }
    server.process.thaw();
    wait::until("a login", Duration::from_secs(20), || (status() == 200).then_some(()));
}
