//! Whether the time of an answer tells which e-mails exist.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::time::{Duration, Instant};

use shared::password::PasswordHasher;
use statrs::stats_tests::{
    Alternative,
    mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu},
};
use system_tests::{mariadb, service::Service, stores, users};

const PASSWORD: &str = "a long enough passphrase";
const KNOWN: &str = "known@example.com";
/// A user whose hash has other parameters than the configured ones: the documented exception,
/// which shows that the test sees a hash more.
const OTHER_HASH: &str = "other-hash@example.com";
const UNKNOWN: &str = "unknown@example.com";

/// Of each kind.
const REQUESTS: usize = 100;
/// Chance alone gives a smaller one once in a hundred times, and three times in a row once
/// in a million.
const SIGNIFICANT: f64 = 0.01;
const ROUNDS: usize = 3;

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_time_of_an_answer_does_not_tell_whether_an_e_mail_exists() {
    let server = mariadb::shared();
    let hasher = PasswordHasher::new(users::quick(), 1);
    let known = hasher.hash(PASSWORD.into()).await.unwrap();
    let mut both = stores::new_users(&[(KNOWN, PASSWORD), (OTHER_HASH, PASSWORD)]).await;
    both[0].hash = known;
    stores::open(&server.root_variables(), 1).await.add(&both).await.unwrap();
    let login = users::login(server.login_variables(), &[("LOGIN_MAX_FAILURES", "10000")]);

    let p = compare(&login, UNKNOWN, OTHER_HASH);
    assert!(p <= SIGNIFICANT, "the test does not see a hash more: p = {p}");
    let equal = (0..ROUNDS).any(|_| compare(&login, UNKNOWN, KNOWN) > SIGNIFICANT);
    assert!(equal, "the times differ, {ROUNDS} times in a row");
}

/// Wrong passwords for two e-mails in turn: how probable such a difference of their times is
/// by chance, by the ranks of Mann and Whitney.
fn compare(login: &Service, one: &str, other: &str) -> f64 {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..REQUESTS {
        times[0].push(time(login, one).as_secs_f64());
        times[1].push(time(login, other).as_secs_f64());
    }
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    let (_, p) = mannwhitneyu(&times[0], &times[1], method, Alternative::TwoSided).unwrap();
    let median = |times: &mut Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        times[REQUESTS / 2] * 1000.0
    };
    let [first, second] = &mut times;
    println!("{one} {:.2} ms, {other} {:.2} ms, p = {p:.4}", median(first), median(second));
    p
}

fn time(login: &Service, email: &str) -> Duration {
    let start = Instant::now();
    let answer = users::log_in(login, email, "a wrong passphrase");
    let time = start.elapsed();
    assert_eq!(answer.status, 401, "{email}");
    time
}
