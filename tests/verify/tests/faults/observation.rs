//! A fault from before its beginning to after its end.

use std::time::{Duration, Instant};

use system_tests::{
    traffic::{Kind, Record, Records, Traffic},
    wait,
};

use crate::Functions;

/// As much as has to be answered while a fault lasts, and how long that may take.
const SAMPLE: [(Kind, usize); 3] =
    [(Kind::RightLogin, 6), (Kind::WrongLogin, 1), (Kind::GoodToken, 100)];
const SAMPLE_LIMIT: Duration = Duration::from_mins(1);
/// How long everything has to go well before it counts as steady.
const STEADY: Duration = Duration::from_millis(1_500);
/// Until steadily well; the machine may be busy with other tests.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);
/// The longest that any login may take is 10 s.
const SLOWEST_LOGIN: Duration = Duration::from_secs(11);
const SLOWEST_VALIDATION: Duration = Duration::from_secs(3);
/// A token with an unknown key may wait for old keys to be renewed, and for newer ones.
const SLOWEST_REFUSAL: Duration = Duration::from_secs(5);

/// What clients of `login` see of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Nothing,
    /// Perhaps some 503.
    Perhaps,
    /// Some 503.
    Failures,
}

/// When all was well again, counted from the end of a fault.
#[derive(Debug, Clone, Copy)]
struct Recovery {
    /// Until the first good answer.
    first: Duration,
    /// Until the answer after the last one that was not good.
    steady: Duration,
}

/// How right logins recovered. `None` if no login succeeded after the fault, or none after
/// the last failure.
fn recovery(records: &Records, began: Instant, ended: Instant) -> Option<Recovery> {
    let mut logins = records.of(Kind::RightLogin).since(began).0;
    logins.sort_unstable_by_key(Record::answered);
    let after = |time: Instant| time.saturating_duration_since(ended);
    let good = logins.iter().find(|it| it.answered() >= ended && it.is_usual())?;
    let steady = match logins.iter().rposition(|it| !it.is_usual()) {
        Some(last) => logins.get(last + 1)?.answered(),
        None => ended,
    };
    Some(Recovery { first: after(good.answered()), steady: after(steady) })
}

/// Traffic around a fault.
pub(crate) struct Observation<'a> {
    fault: &'static str,
    functions: &'a Functions,
    traffic: Traffic,
    began: Instant,
    slowest_login: Duration,
}

impl<'a> Observation<'a> {
    /// Begins with everybody content: the fault comes next.
    pub(crate) fn begin(fault: &'static str, functions: &'a Functions) -> Self {
        let observation = Self::begin_amid_fault(fault, functions);
        observation.answered_since(observation.began);
        Self { began: Instant::now(), ..observation }
    }

    /// Begins while the fault is there already.
    pub(crate) fn begin_amid_fault(fault: &'static str, functions: &'a Functions) -> Self {
        let (began, traffic) = (Instant::now(), functions.traffic());
        Self { fault, functions, traffic, began, slowest_login: SLOWEST_LOGIN }
    }

    /// With a lower limit for logins.
    pub(crate) fn slowest_login(self, limit: Duration) -> Self {
        Self { slowest_login: limit, ..self }
    }

    /// Goes on until so many have felt it that something can be said.
    pub(crate) fn suffer(&self) {
        self.answered_since(Instant::now());
    }

    /// Whether a client of `login` has been told of the fault.
    pub(crate) fn is_felt(&self) -> bool {
        let logins = self.traffic.records().of(Kind::RightLogin).since(self.began);
        logins.0.iter().any(|login| login.status == 503)
    }

    fn answered_since(&self, time: Instant) {
        wait::until(&format!("answers: {}", self.fault), SAMPLE_LIMIT, || {
            let records = self.traffic.records().since(time);
            SAMPLE.iter().all(|(kind, number)| records.of(*kind).0.len() >= *number).then_some(())
        });
    }

    /// The fault has just ended: waits until all is well, and judges.
    pub(crate) fn recover(self, seen: Seen) {
        let (began, ended) = (self.began, Instant::now());
        let steady = || {
            let recovery = recovery(&self.traffic.records(), began, ended)?;
            (ended.elapsed() >= recovery.steady + STEADY).then_some(recovery)
        };
        let recovery = wait::until(&format!("health: {}", self.fault), SAMPLE_LIMIT, steady);
        // Probes ask no more than once in a second.
        wait::until("the database's state", Duration::from_secs(5), || {
            let ready = self.functions.login.request("GET", "/readyz").send();
            (ready.status == 200 && ready.text().contains(r#""database":"ok""#)).then_some(())
        });
        let records = self.traffic.stop();
        print(self.fault, &records, began, recovery);
        assert!(recovery.steady <= RECOVERY_LIMIT, "{}: {recovery:?}", self.fault);
        judge(&records, seen, began, ended + recovery.steady, self.slowest_login);
    }
}

fn print(fault: &str, records: &Records, began: Instant, recovery: Recovery) {
    let seen = records.since(began);
    let of = |kind| seen.of(kind).summary();
    println!(
        "FAULT {fault} | right logins: {} | wrong: {} | good tokens: {} | first 200 after \
         {:.1} s, steadily after {:.1} s",
        of(Kind::RightLogin),
        of(Kind::WrongLogin),
        of(Kind::GoodToken),
        recovery.first.as_secs_f64(),
        recovery.steady.as_secs_f64(),
    );
}

/// No answer may be wrong, missing or late. A login during the fault may be told that it
/// cannot be answered now; nobody else may.
fn judge(records: &Records, seen: Seen, began: Instant, steady: Instant, slowest: Duration) {
    let during = |record: &Record| record.answered() >= began && record.sent <= steady;
    let failed = |record: &&Record| {
        seen != Seen::Nothing && record.kind.is_login() && record.status == 503 && during(record)
    };
    let bad: Vec<&Record> =
        records.0.iter().filter(|it| !it.is_usual() && !failed(it)).take(10).collect();
    assert!(bad.is_empty(), "wrong answers: {bad:?}");
    let late = |record: &&Record| {
        record.took
            > match record.kind {
                Kind::GarbageToken => SLOWEST_REFUSAL,
                kind if kind.is_login() => slowest,
                _ => SLOWEST_VALIDATION,
            }
    };
    let late: Vec<&Record> = records.0.iter().filter(late).take(10).collect();
    assert!(late.is_empty(), "late answers: {late:?}");
    let failures = records.0.iter().filter(failed).count();
    assert!(seen != Seen::Failures || failures > 0, "nobody has felt the fault");
}
