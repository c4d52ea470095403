//! A fault from before its beginning to after its end.

use std::time::Instant;

use serde_json::json;
use system_tests::{
    Kind, Traffic, seconds, token_with,
    traffic::{Clients, Record, Records},
};

use super::*;

/// Some 20 logins in a second, and three times as many validations.
const CLIENTS: [Clients; 4] = [
    (Kind::RightLogin, 6, Duration::from_millis(400)),
    (Kind::WrongLogin, 4, Duration::from_millis(500)),
    (Kind::GoodToken, 5, Duration::from_millis(100)),
    (Kind::BadToken, 2, Duration::from_millis(200)),
];
/// As much as has to be answered while a fault lasts, and how long that may take.
const SAMPLE: [(Kind, usize); 3] =
    [(Kind::RightLogin, 6), (Kind::WrongLogin, 1), (Kind::GoodToken, 100)];
const SAMPLE_LIMIT: Duration = Duration::from_mins(1);
/// How long everything has to go well before it counts as steady.
const STEADY: Duration = Duration::from_millis(1_500);
/// Until steadily well; the machine may be busy with other tests.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// What clients of `login` see of a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Nothing,
    /// Perhaps some 503.
    Perhaps,
    /// Some 503.
    Failures,
}

/// Traffic around a fault.
pub(crate) struct Observation<'a> {
    fault: String,
    login: &'a Service,
    traffic: Traffic,
    began: Instant,
}

impl<'a> Observation<'a> {
    /// Begins while all is well: the fault comes next.
    pub(crate) fn begin(fault: &str, functions: &'a Functions) -> Self {
        let observation = Self::begin_amid_fault(fault, functions);
        observation.suffer();
        Self { began: Instant::now(), ..observation }
    }

    /// Begins while the fault is there already.
    pub(crate) fn begin_amid_fault(fault: &str, [login, validate]: &'a Functions) -> Self {
        // Their clock may be ahead of ours.
        let claims = json!({ "username": "a@b", "admin": false, "exp": seconds(7 * 86_400) });
        let token = token_with(&claims);
        let traffic = Traffic::start(login, validate, token, &CLIENTS);
        Self { fault: fault.to_owned(), login, traffic, began: Instant::now() }
    }

    /// Goes on until so many have been answered that something can be said.
    pub(crate) fn suffer(&self) {
        let since = Instant::now();
        wait::until(&format!("answers: {}", self.fault), SAMPLE_LIMIT, || {
            let records = self.traffic.records().filter(|it| it.sent >= since).0;
            let count = |kind| records.iter().filter(|it| it.kind == kind).count();
            SAMPLE.iter().all(|(kind, number)| count(*kind) >= *number).then_some(())
        });
    }

    /// Whether a client of `login` has been told of the fault.
    pub(crate) fn is_felt(&self) -> bool {
        let is_told = |it: &Record| it.kind == Kind::RightLogin && it.status == 503;
        self.traffic.records().0.iter().any(|it| is_told(it) && it.sent >= self.began)
    }

    /// The fault has just ended: waits until all is well. No answer may be wrong, missing or late.
    /// A login during the fault may be told that it cannot be answered now; no other request may.
    pub(crate) fn recover(self, seen: Seen) {
        let Self { fault, login, traffic, began } = self;
        let ended = Instant::now();
        let steady = wait::until(&format!("health: {fault}"), SAMPLE_LIMIT, || {
            let steady = well_again(&traffic.records().filter(|it| it.sent >= began), ended)?;
            (steady.elapsed() >= STEADY).then_some(steady)
        });
        // Probes ask no more than once in a second.
        wait::until("the database's state", Duration::from_secs(5), || {
            let ready = login.request("GET", "/readyz").send();
            (ready.status == 200 && ready.text().contains(r#""database":"ok""#)).then_some(())
        });
        let (records, took) = (traffic.stop(), steady - ended);
        let [right, wrong, good] = [Kind::RightLogin, Kind::WrongLogin, Kind::GoodToken]
            .map(|kind| records.filter(|it| it.sent >= began && it.kind == kind).summary());
        println!(
            "FAULT {fault} | right logins: {right} | wrong: {wrong} | good tokens: {good} | well \
             after {:.1} s",
            took.as_secs_f64(),
        );
        assert!(took <= RECOVERY_LIMIT, "{fault}: {took:?}");

        let failed = |record: &Record| {
            let during = record.answered >= began && record.sent <= steady;
            seen != Seen::Nothing && record.kind.is_login() && record.status == 503 && during
        };
        let is_good = |record: &&Record| {
            let limit = match record.kind {
                // One with an unknown key may wait for old keys to be renewed, and for newer ones.
                Kind::BadToken => 5,
                Kind::GoodToken => 3,
                // Where there is a database; no request waits for a secret longer than 2 s.
                _ if seen == Seen::Nothing => 4,
                // The longest that any login may take is 10 s.
                _ => 11,
            };
            let took = record.answered - record.sent;
            took <= Duration::from_secs(limit) && (record.is_expected || failed(record))
        };
        let bad: Vec<_> = records.0.iter().filter(|record| !is_good(record)).take(10).collect();
        assert!(bad.is_empty(), "{fault}: wrong or late answers: {bad:?}");
        let is_felt = records.0.iter().any(failed);
        assert!(seen != Seen::Failures || is_felt, "no client has felt the fault: {fault}");
    }
}

/// When right logins went well again: the first good answer since the end of the fault and the last
/// answer that was not good.
fn well_again(records: &Records, ended: Instant) -> Option<Instant> {
    let logins = records.filter(|it| it.kind == Kind::RightLogin).0;
    let bad = logins.iter().filter(|login| !login.is_expected);
    let since = bad.map(|login| login.answered).fold(ended, Instant::max);
    logins.iter().map(|login| login.answered).filter(|answered| *answered > since).min()
}
