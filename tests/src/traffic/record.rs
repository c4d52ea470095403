//! What became of requests.

use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{Duration, Instant},
};

use super::Kind;

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// What was sent.
    pub kind: Kind,
    /// When.
    pub sent: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Its status; 0 where there was no answer, 499 where nobody waited for it.
    pub status: u16,
    /// Whether a 200 was about the right user.
    pub is_right: bool,
}

/// All requests of a while.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<Record>);

/// When all was well again, counted from the end of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// Until the first good answer.
    pub first: Duration,
    /// Until the answer after the last one that was not good.
    pub steady: Duration,
}

impl Record {
    /// Whether the answer is what it would be while all is well.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.is_right && self.kind.usual().contains(&self.status)
    }

    /// When it was answered.
    #[must_use]
    pub fn answered(&self) -> Instant {
        self.sent + self.took
    }
}

impl Records {
    /// Those of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Self {
        Self(self.0.iter().filter(|record| record.kind == kind).copied().collect())
    }

    /// Those that were sent at this time or later.
    #[must_use]
    pub fn since(&self, time: Instant) -> Self {
        Self(self.0.iter().filter(|record| record.sent >= time).copied().collect())
    }

    /// How often there was which status.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        for record in &self.0 {
            *statuses.entry(record.status).or_default() += 1;
        }
        statuses
    }

    /// The time within which this share of the answers came, such as 0.5 or 1.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let mut times: Vec<_> = self.0.iter().map(|record| record.took).collect();
        times.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index of a few thousand requests"
        )]
        let index = (times.len() as f64 * share).ceil() as usize;
        times.get(index.clamp(1, times.len().max(1)) - 1).copied().unwrap_or_default()
    }

    /// How right logins recovered from a fault of this time. `None` if no login succeeded
    /// after it, or none after the last failure.
    #[must_use]
    pub fn recovery(&self, began: Instant, ended: Instant) -> Option<Recovery> {
        let mut logins = self.of(Kind::RightLogin).since(began).0;
        logins.sort_unstable_by_key(Record::answered);
        let after = |time: Instant| time.saturating_duration_since(ended);
        let good = logins.iter().find(|it| it.answered() >= ended && it.is_usual())?;
        let bad = logins.iter().rposition(|it| !it.is_usual());
        let steady = match bad {
            Some(last) => logins.get(last + 1)?.answered(),
            None => ended,
        };
        Some(Recovery { first: after(good.answered()), steady: after(steady) })
    }

    /// `200 ×31, 503 ×4, slowest 3.02 s`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (status, count) in self.statuses() {
            let _ = write!(text, "{status} ×{count}, ");
        }
        let _ = write!(text, "slowest {:.2} s", self.quantile(1.0).as_secs_f64());
        text
    }
}
