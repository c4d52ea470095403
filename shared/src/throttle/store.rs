//! What a database keeps for the throttle.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{CHECK_LIMIT, Rule, Subject};
use crate::users::StoreError;

/// Whether a password may be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may, and the check is noted.
    Admitted {
        /// There was no failure, and no other check.
        alone: bool,
    },
    /// As many checks are under way as there may be failures until the next lock.
    Full,
    /// There were too many failures; for so long nothing is checked.
    Locked(Duration),
}

/// A count with failures in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleRow {
    /// Whose count it is.
    pub subject: Subject,
    /// Failures that are remembered.
    pub failures: i64,
    /// For how long nothing is checked; zero if it is not locked.
    pub locked: Duration,
    /// After how long without another failure the count begins anew.
    pub forgotten: Duration,
}

/// Counts, shared by all instances. Each call is one atomic step. `now` is `None` but in tests:
/// the clock of the database, since those of the instances may differ.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Notes a check, if it may be made.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn begin(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<Admission, StoreError>;

    /// Turns a check into a failure, and says the how-manieth it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn fail(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<i64, StoreError>;

    /// Takes a check back, and with `clear` forgets the failures.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn end(&self, subject: &Subject, clear: bool) -> Result<(), StoreError>;

    /// Counts with failures that are still remembered, up to `limit`, locked ones first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn failures(
        &self,
        now: Option<SystemTime>,
        limit: u32,
    ) -> Result<Vec<ThrottleRow>, StoreError>;

    /// Forgets all about `subject`, or about everybody. How many counts there were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    async fn reset(&self, subject: Option<&Subject>) -> Result<u64, StoreError>;
}

/// Milliseconds since 1970, as the table has them.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// [`CHECK_LIMIT`] in milliseconds.
pub(super) fn check_limit() -> i64 {
    i64::try_from(CHECK_LIMIT.as_millis()).expect("some seconds")
}

/// How far ahead a time may be that a step set which locks or remembers for so long. A step
/// that waits for another one still has the time at which it began.
pub(super) fn furthest(ahead: i64) -> i64 {
    ahead.saturating_add(check_limit())
}

/// From `now` until `then`; zero if that is past.
pub(super) fn until(then: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(then.saturating_sub(now)).unwrap_or(0))
}

/// A row of the statement for [`ThrottleStore::failures`]: how many there are, for how long it
/// is locked, and after how long it is forgotten.
pub(super) type FailuresRow = (String, i64, i64, i64);

pub(super) fn listed(row: FailuresRow) -> ThrottleRow {
    let (subject, failures, locked, forgotten) = row;
    ThrottleRow {
        subject: Subject::stored(subject),
        failures,
        locked: until(locked, 0),
        forgotten: until(forgotten, 0),
    }
}
