//! What clients send, what they may be answered, and what they were.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login with the right password.
    RightLogin,
    /// One with a wrong password, each time for another user.
    WrongLogin,
    /// One for an e-mail that no user has, each time another one.
    UnknownLogin,
    /// A validation of the token of the last right login, or of one that a test added.
    GoodToken,
    /// One of a token that has expired.
    ExpiredToken,
    /// One of something else, or of a good token that was changed.
    GarbageToken,
}

impl Kind {
    /// Whether it is for `login`, which needs a database.
    #[must_use]
    pub fn is_login(self) -> bool {
        matches!(self, Self::RightLogin | Self::WrongLogin | Self::UnknownLogin)
    }

    /// What is answered while all is well. An e-mail that fails often enough is locked.
    fn usual(self) -> &'static [u16] {
        match self {
            Self::RightLogin | Self::GoodToken => &[200],
            Self::WrongLogin | Self::UnknownLogin => &[401, 429],
            Self::ExpiredToken | Self::GarbageToken => &[403],
        }
    }
}

/// Clients of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// What they send.
    pub kind: Kind,
    /// How many there are; each has one request under way at a time.
    pub number: u32,
    /// How often each of them sends one. A client that got no answer in time leaves out
    /// those that it has missed.
    pub every: Duration,
}

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// What was sent.
    pub kind: Kind,
    /// When.
    pub sent: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Its status; 0 where there was no answer.
    pub status: u16,
    /// Whether a 200 was about the right user.
    pub is_right: bool,
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

/// All requests of a while.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<Record>);

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

    /// The time of the slowest answer.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.0.iter().map(|record| record.took).max().unwrap_or_default()
    }

    /// `200 ×31, 503 ×4, slowest 3.02 s`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for record in &self.0 {
            *statuses.entry(record.status).or_default() += 1;
        }
        let counts: Vec<_> =
            statuses.iter().map(|(status, count)| format!("{status} ×{count}")).collect();
        format!("{}, slowest {:.2} s", counts.join(", "), self.slowest().as_secs_f64())
    }
}
