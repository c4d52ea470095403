//! The response time of a failed login is the same for known and unknown e-mails.

use std::time::Instant;

use shared::config::Argon2Config;
use statrs::{
    statistics::{Data, Median},
    stats_tests::{
        Alternative,
        mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu},
    },
};
use system_tests::{Service, mariadb, users};

const KNOWN: &str = "right-0@example.com";
/// A user whose hash has other parameters than the configured ones, which costs a second hash: the
/// documented exception. It shows that the test detects the time of a hash.
const OTHER_HASH: &str = "other-hash@example.com";
const UNKNOWN: &str = "unknown@example.com";

/// The number of requests for each e-mail.
const REQUESTS: usize = 100;
/// By chance p is smaller once in a hundred times, and three times in a row once in a million.
const SIGNIFICANT: f64 = 0.01;
const ROUNDS: usize = 3;

#[test]
#[ignore = "needs MariaDB: make test"]
fn the_response_time_does_not_reveal_whether_an_e_mail_exists() {
    let server = mariadb::shared();
    users::add(&server, users::quick_argon2());
    let other = users::hash(Argon2Config::default());
    let add = format!("INSERT INTO auth.user (email, password) VALUES ('{OTHER_HASH}', '{other}')");
    server.sql(&add);
    let login = users::login(server.login_variables(), &[("LOGIN_MAX_FAILURES", "10000")]);

    let p = compare(&login, UNKNOWN, OTHER_HASH);
    assert!(p <= SIGNIFICANT, "the test does not detect a second hash: p = {p}");
    let equal = (0..ROUNDS).any(|_| compare(&login, UNKNOWN, KNOWN) > SIGNIFICANT);
    assert!(equal, "the times differ, {ROUNDS} times in a row");
}

/// Sends wrong passwords for two e-mails alternately. Returns the probability that such a
/// difference of times is chance, by the Mann-Whitney U test.
fn compare(login: &Service, one: &str, other: &str) -> f64 {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..REQUESTS {
        // Each e-mail is first equally often: the load of the machine may be periodic.
        let mut kinds = [(one, 0), (other, 1)];
        kinds.rotate_left(number % 2);
        for (email, kind) in kinds {
            let since = Instant::now();
            let answer = users::log_in(login, email, "a wrong passphrase");
            times[kind].push(since.elapsed().as_secs_f64());
            assert_eq!(answer.status, 401, "{email}");
        }
    }
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    let compared = mannwhitneyu(&times[0], &times[1], method, Alternative::TwoSided);
    let (_, p) = compared.expect("enough times");
    let [one_ms, other_ms] = times.map(|times| Data::new(times).median() * 1000.0);
    println!("{one}: {one_ms:.1} ms, {other}: {other_ms:.1} ms (medians), p = {p:.4}");
    p
}
