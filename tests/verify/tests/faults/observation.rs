//! Load before, during and after a fault, and the check of all answers.

use std::time::Instant;

use serde_json::json;
use system_tests::{
    Kind, Traffic, seconds, token_with,
    traffic::{Clients, Record, Records},
};

use super::*;

/// About 20 logins per second, and three times as many validations.
const CLIENTS: [Clients; 4] = [
    (Kind::RightLogin, 6, Duration::from_millis(400)),
    (Kind::WrongLogin, 4, Duration::from_millis(500)),
    (Kind::GoodToken, 5, Duration::from_millis(100)),
    (Kind::BadToken, 2, Duration::from_millis(200)),
];
/// The answers that have to come during a fault, and the limit for them.
const SAMPLE: [(Kind, usize); 3] =
    [(Kind::RightLogin, 6), (Kind::WrongLogin, 1), (Kind::GoodToken, 100)];
const SAMPLE_LIMIT: Duration = Duration::from_mins(1);
/// How long all logins have to succeed until the functions count as recovered.
const STABLE: Duration = Duration::from_millis(1_500);
/// The limit for the recovery; the machine may be busy with other tests.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// The effect of a fault on clients of `login`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// No effect.
    Nothing,
    /// Some logins may get 503.
    MaybeFailures,
    /// Some logins get 503.
    Failures,
}

/// Load during a fault.
pub(crate) struct Observation<'a> {
    fault: String,
    login: &'a Service,
    traffic: Traffic,
    began: Instant,
}

impl<'a> Observation<'a> {
    /// Starts the load before the fault.
    pub(crate) fn start(fault: &str, functions: &'a Functions) -> Self {
        let observation = Self::start_during_fault(fault, functions);
        observation.wait_for_sample();
        Self { began: Instant::now(), ..observation }
    }

    /// Starts the load while the fault exists already.
    pub(crate) fn start_during_fault(fault: &str, [login, validate]: &'a Functions) -> Self {
        // Long-lived: the clock of the functions may be ahead.
        let claims = json!({ "username": "a@b", "admin": false, "exp": seconds(7 * 86_400) });
        let token = token_with(&claims);
        let traffic = Traffic::start(login, validate, token, &CLIENTS);
        Self { fault: fault.to_owned(), login, traffic, began: Instant::now() }
    }

    /// Waits until enough requests have been answered.
    pub(crate) fn wait_for_sample(&self) {
        let since = Instant::now();
        wait::until(&format!("answers: {}", self.fault), SAMPLE_LIMIT, || {
            let records = self.traffic.records().filter(|it| it.sent >= since).0;
            let count = |kind| records.iter().filter(|it| it.kind == kind).count();
            SAMPLE.iter().all(|(kind, number)| count(*kind) >= *number).then_some(())
        });
    }

    /// Whether a right login has got 503.
    pub(crate) fn has_effect(&self) -> bool {
        let is_failure = |it: &Record| it.kind == Kind::RightLogin && it.status == 503;
        self.traffic.records().0.iter().any(|it| is_failure(it) && it.sent >= self.began)
    }

    /// Called at the end of the fault: waits for the recovery, and panics if an answer was wrong,
    /// missing or late. Only logins during the fault may have got 503.
    pub(crate) fn recover(self, seen: Seen) {
        let Self { fault, login, traffic, began } = self;
        let ended = Instant::now();
        let recovered = wait::until(&format!("health: {fault}"), SAMPLE_LIMIT, || {
            let recovered = recovered_at(&traffic.records().filter(|it| it.sent >= began), ended)?;
            (recovered.elapsed() >= STABLE).then_some(recovered)
        });
        // A probe's result may be up to a second old.
        wait::until("the database's state", Duration::from_secs(5), || {
            let ready = login.request("GET", "/readyz").send();
            (ready.status == 200 && ready.text().contains(r#""database":"ok""#)).then_some(())
        });
        let (records, took) = (traffic.stop(), recovered - ended);
        let [right, wrong, good] = [Kind::RightLogin, Kind::WrongLogin, Kind::GoodToken]
            .map(|kind| records.filter(|it| it.sent >= began && it.kind == kind).summary());
        println!(
            "FAULT {fault} | right logins: {right} | wrong: {wrong} | good tokens: {good} | recovered \
             after {:.1} s",
            took.as_secs_f64(),
        );
        assert!(took <= RECOVERY_LIMIT, "{fault}: {took:?}");

        let failed = |record: &Record| {
            let during = record.answered >= began && record.sent <= recovered;
            seen != Seen::Nothing && record.kind.is_login() && record.status == 503 && during
        };
        let is_good = |record: &&Record| {
            let limit = match record.kind {
                // A token with an unknown key may wait for two refreshes of the keys.
                Kind::BadToken => 5,
                Kind::GoodToken => 3,
                // With a working database; a request waits up to 2 s for a secret.
                _ if seen == Seen::Nothing => 4,
                // A login may take 10 s.
                _ => 11,
            };
            let took = record.answered - record.sent;
            took <= Duration::from_secs(limit) && (record.is_expected || failed(record))
        };
        let bad: Vec<_> = records.0.iter().filter(|record| !is_good(record)).take(10).collect();
        assert!(bad.is_empty(), "{fault}: wrong or late answers: {bad:?}");
        let has_effect = records.0.iter().any(failed);
        assert!(seen != Seen::Failures || has_effect, "the fault had no effect: {fault}");
    }
}

/// The time of the first good answer to a right login after the end of the fault and after the last
/// bad answer.
fn recovered_at(records: &Records, ended: Instant) -> Option<Instant> {
    let logins = records.filter(|it| it.kind == Kind::RightLogin).0;
    let bad = logins.iter().filter(|login| !login.is_expected);
    let since = bad.map(|login| login.answered).fold(ended, Instant::max);
    logins.iter().map(|login| login.answered).filter(|answered| *answered > since).min()
}
