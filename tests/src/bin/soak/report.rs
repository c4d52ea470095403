//! What became of every request, and whether that is as it has to be.

use std::{fmt, time::Duration};

use system_tests::traffic::{Kind, Record, Records};

use crate::{faults::Window, footprint::Footprint};

/// The longest that any answer may take.
const SLOWEST: Duration = Duration::from_secs(11);
/// How long after a fault logins may still be 503.
const RECOVERY: Duration = Duration::from_secs(10);
/// How much more memory may be resident at the end than after the warm-up, in KiB.
const GROWTH: usize = 16 * 1024;
/// How many more threads and descriptors there may be: those of the runtime and of the
/// pool come and go.
const MORE: usize = 12;
const SHOWN: usize = 20;

pub(crate) struct Report {
    pub(crate) records: Records,
    pub(crate) windows: Vec<Window>,
    pub(crate) start: [Footprint; 2],
    pub(crate) warm: [Footprint; 2],
    pub(crate) end: [Footprint; 2],
    pub(crate) problems: Vec<String>,
}

impl Report {
    /// Everything that is not as it has to be.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut violations = self.problems.clone();
        violations.extend(self.wrong().take(SHOWN).map(|record| format!("{record:?}")));
        let late = self.records.0.iter().filter(|record| record.took > SLOWEST);
        violations.extend(late.take(SHOWN).map(|record| format!("late: {record:?}")));
        for kind in Kind::ALL {
            if self.records.of(kind).0.is_empty() {
                violations.push(format!("no {}", kind.name()));
            }
        }
        for ((start, warm), end) in self.start.iter().zip(&self.warm).zip(&self.end) {
            for (what, is, may_be) in [
                ("KiB", end.memory, warm.memory + GROWTH),
                ("descriptors", end.descriptors, start.descriptors + MORE),
                ("threads", end.threads, warm.threads + MORE),
            ] {
                if is > may_be {
                    violations.push(format!("{}: {is} {what}, {may_be} at most", end.name));
                }
            }
        }
        violations
    }

    fn wrong(&self) -> impl Iterator<Item = &Record> {
        self.records.0.iter().filter(|record| !record.is_usual() && !self.is_excused(record))
    }

    /// A login that could not be answered for want of a database.
    fn is_excused(&self, record: &Record) -> bool {
        let during = |window: &Window| {
            window.fault.takes_the_database()
                && record.answered() >= window.began
                && record.sent <= window.ended + RECOVERY
        };
        record.kind.is_login() && record.status == 503 && self.windows.iter().any(during)
    }
}

impl Report {
    fn write_kinds(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        writeln!(formatter, "\n{:<17}{:>8}{:>11}{:>9}{:>9}", "", "number", "p50", "p99", "max")?;
        for kind in Kind::ALL {
            let records = self.records.of(kind);
            let [median, late, slowest] =
                [0.5, 0.99, 1.0].map(|share| milliseconds(records.quantile(share)));
            let (name, number) = (kind.name(), records.0.len());
            let statuses = records.statuses();
            writeln!(
                formatter,
                "{name:<17}{number:>8}{median:>8.1} ms{late:>6.0} ms{slowest:>6.0} ms  {statuses:?}",
            )?;
        }
        writeln!(formatter, "{} wrong answers of {}\n", self.wrong().count(), self.records.0.len())
    }

    fn write_fault(&self, window: &Window, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = window.ended + RECOVERY;
        let seen = self.records.since(window.began).0.into_iter();
        let seen = Records(seen.filter(|it| it.sent < until).collect());
        let recovery = seen.recovery(window.began, window.ended);
        writeln!(
            formatter,
            "{} for {:.1} s | right logins: {} | steadily well after {}",
            window.fault.name(),
            (window.ended - window.began).as_secs_f64(),
            seen.of(Kind::RightLogin).summary(),
            recovery.map_or("?".into(), |it| format!("{:.1} s", it.steady.as_secs_f64())),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_kinds(formatter)?;
        for window in &self.windows {
            self.write_fault(window, formatter)?;
        }
        writeln!(formatter, "\n{:<21}{:>8}{:>15}{:>8}", "", "start", "after warm-up", "end")?;
        for ((start, warm), end) in self.start.iter().zip(&self.warm).zip(&self.end) {
            for (what, start, warm, last) in [
                ("KiB", start.memory, warm.memory, end.memory),
                ("descriptors", start.descriptors, warm.descriptors, end.descriptors),
                ("threads", start.threads, warm.threads, end.threads),
            ] {
                writeln!(formatter, "{:<9}{what:<12}{start:>8}{warm:>15}{last:>8}", end.name)?;
            }
        }
        Ok(())
    }
}
