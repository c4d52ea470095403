//! What locks a subject, and for how long.

use std::{iter, time::Duration};

use crate::config::ThrottleConfig;

/// How long failures are remembered at least.
const QUIET: Duration = Duration::from_mins(15);
const MINUTE: Duration = Duration::from_mins(1);
const FIRST_LOCK: Duration = Duration::from_secs(1);

/// A rule, with times in milliseconds.
#[derive(Debug)]
pub struct Rule {
    /// The failure that locks first.
    pub(super) max_failures: i64,
    /// For how long that failure locks, and each further one; the last is that of all others.
    pub(super) locks: Vec<i64>,
    /// How long failures are remembered: no shorter than a lock,
    pub(super) window: i64,
    /// from the last one on, or else from the first one on.
    pub(super) from_last: bool,
}

impl Rule {
    /// For an e-mail: the n-th failure in a row locks it for 1 s, each further one for twice
    /// as long as the last. A quarter of an hour without one clears the count.
    #[must_use]
    pub fn email(config: &ThrottleConfig) -> Self {
        let longest = milliseconds(config.longest_lock);
        let doubled = iter::successors(Some(milliseconds(FIRST_LOCK)), |lock| Some(lock * 2));
        Self {
            max_failures: config.max_failures.into(),
            locks: doubled.take_while(|lock| *lock < longest).chain([longest]).collect(),
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
            locks: vec![minute],
            window: minute,
            from_last: false,
        })
    }

    /// How long this failure locks, before the end of the window cuts it; 0 if it does not.
    pub(super) fn lock(&self, failures: i64) -> i64 {
        let Ok(beyond) = usize::try_from(failures - self.max_failures) else { return 0 };
        *self.locks.get(beyond).unwrap_or(&self.longest_lock())
    }

    pub(super) fn longest_lock(&self) -> i64 {
        *self.locks.last().expect("each rule has a lock")
    }

    /// Not that of a source: a client that knows one password could guess others for ever.
    pub(super) fn is_cleared_by_success(&self) -> bool {
        self.from_last
    }
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("no limit is longer than a day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_beyond_the_limit_locks_twice_as_long_up_to_the_longest_lock() {
        let rule = Rule::email(&ThrottleConfig::default());
        let seconds: Vec<i64> = (4..18).map(|failures| rule.lock(failures) / 1000).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        for (longest, seconds) in [(1, [1, 1, 1]), (2, [1, 2, 2]), (3, [1, 2, 3])] {
            let longest_lock = Duration::from_secs(longest);
            let rule = Rule::email(&ThrottleConfig {
                longest_lock,
                max_failures: 1,
                ..Default::default()
            });
            assert_eq!([1, 2, 3].map(|failures| rule.lock(failures) / 1000), seconds);
        }
    }
}
