//! What locks a subject, and for how long.

use std::time::Duration;

use crate::config::ThrottleConfig;

/// How long failures are remembered at least.
const QUIET: Duration = Duration::from_mins(15);
const MINUTE: Duration = Duration::from_mins(1);
const FIRST_LOCK: Duration = Duration::from_secs(1);
/// A lock doubles no more often than this: 2^30 s is beyond any limit.
pub(super) const MAX_DOUBLINGS: i64 = 30;

/// A rule, with times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The failure that locks first.
    pub(super) max_failures: i64,
    pub(super) first_lock: i64,
    pub(super) longest_lock: i64,
    /// How long failures are remembered,
    pub(super) window: i64,
    /// from the last one on, or else from the first one on.
    pub(super) from_last: bool,
}

impl Rule {
    /// For an e-mail: the n-th failure in a row locks it for 1 s, each further one for twice
    /// as long as the last. A quarter of an hour without one clears the count.
    #[must_use]
    pub fn email(config: &ThrottleConfig) -> Self {
        Self {
            max_failures: config.max_failures.into(),
            first_lock: milliseconds(FIRST_LOCK),
            longest_lock: milliseconds(config.longest_lock),
            window: milliseconds(config.longest_lock.max(QUIET)),
            from_last: true,
        }
    }

    /// For a source: so many failures a minute, from the first one on. `None` where sources
    /// have no limit.
    #[must_use]
    pub fn source(config: &ThrottleConfig) -> Option<Self> {
        let minute = milliseconds(MINUTE);
        config.source_limit.map(|limit| Self {
            max_failures: limit.into(),
            first_lock: minute,
            longest_lock: minute,
            window: minute,
            from_last: false,
        })
    }

    /// Whether this failure in the count locks.
    pub(super) fn locks(&self, failures: i64) -> bool {
        failures >= self.max_failures
    }

    /// Not that of a source: whoever knows one password could guess others for ever.
    pub(super) fn is_cleared_by_success(&self) -> bool {
        self.from_last
    }

    /// How long this failure locks, before the end of the window cuts it.
    pub(super) fn lock(&self, failures: i64) -> i64 {
        let doublings = (failures - self.max_failures).clamp(0, MAX_DOUBLINGS);
        self.longest_lock.min(self.first_lock << doublings)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("no limit is longer than a day")
}
