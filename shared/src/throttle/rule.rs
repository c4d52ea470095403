//! What is counted, and what locks it for how long.

use std::{
    iter,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};

use crate::config::ThrottleConfig;

const SOURCE: &str = "source:";
const MINUTE: Duration = Duration::from_mins(1);

/// The key of a count: an e-mail, or a source of requests.
///
/// Of an e-mail it is a hash, so that the table holds no mistyped address. It is a plain one:
/// a reader of the table can try out addresses, but also reads those of the users in the same database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ThrottleKey(String);

impl ThrottleKey {
    /// An e-mail, in any ASCII case: all spellings that find one user have one count.
    pub fn email(email: &str) -> Self {
        let hash = digest(&SHA256, email.to_ascii_lowercase().as_bytes());
        Self(format!("email-sha256:{}", hex::encode(hash)))
    }

    /// The source with this address. Of an IPv6 address it is the /64, which one subscriber has: a
    /// budget for each address would be none.
    pub fn source(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(format!("{SOURCE}{address}")),
            IpAddr::V6(address) => {
                let prefix = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
                Self(format!("{SOURCE}{prefix}/64"))
            }
        }
    }

    /// The key as the table has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `e-mail` or `source`.
    pub fn kind(&self) -> &'static str {
        if self.0.starts_with(SOURCE) { "source" } else { "e-mail" }
    }
}

/// How many failures lock, and for how long. Each store takes its numbers from here.
#[derive(Debug)]
pub struct Rule {
    /// The failure that locks first.
    pub(super) max_failures: i64,
    /// For how long that failure locks, and each further one; the last is that of all others.
    pub(super) locks: Vec<Duration>,
    /// How long failures are remembered, which is no shorter than the longest lock.
    pub(super) window: Duration,
    /// Whether failures in a row are counted: each begins the window anew, and a right password
    /// clears the count. Not for a source: a client that knows one password could guess others for
    /// ever.
    pub(super) counts_in_a_row: bool,
}

impl Rule {
    /// For an e-mail: the n-th failure in a row locks it for 1 s, each further one for twice
    /// as long as the last. The count is cleared by 15 minutes without a failure, or by the time of
    /// the longest lock if that is longer.
    pub fn email(config: &ThrottleConfig) -> Self {
        let longest = config.longest_lock;
        let doubled = iter::successors(Some(Duration::from_secs(1)), |lock| Some(*lock * 2));
        Self {
            max_failures: config.max_failures.into(),
            locks: doubled.take_while(|lock| *lock < longest).chain([longest]).collect(),
            window: longest.max(15 * MINUTE),
            counts_in_a_row: true,
        }
    }

    /// For a source: so many failures a minute, from the first one on, if that is limited.
    pub fn source(config: &ThrottleConfig) -> Option<Self> {
        let (max_failures, locks) = (config.source_limit?.into(), vec![MINUTE]);
        Some(Self { max_failures, locks, window: MINUTE, counts_in_a_row: false })
    }

    /// How long this failure locks; zero if it does not. The store ends a lock when it forgets the
    /// count, so that of a source may be shorter. `commit_failure` in `mysql.rs` repeats this in SQL.
    pub(super) fn lock(&self, failures: i64) -> Duration {
        let Ok(index) = usize::try_from(failures - self.max_failures) else {
            return Duration::ZERO;
        };
        *self.locks.get(index).unwrap_or(&self.longest_lock())
    }

    pub(super) fn longest_lock(&self) -> Duration {
        *self.locks.last().expect("each rule has a lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_beyond_the_limit_locks_twice_as_long_up_to_the_longest_lock() {
        for (longest, seconds) in [
            (1, [0, 1, 1, 1, 1]),
            (2, [0, 1, 2, 2, 2]),
            (3, [0, 1, 2, 3, 3]),
            (900, [0, 1, 2, 4, 8]),
        ] {
            let longest_lock = Duration::from_secs(longest);
            let rule = Rule::email(&ThrottleConfig { longest_lock, ..Default::default() });
            assert_eq!([4, 5, 6, 7, 8].map(|failures| rule.lock(failures).as_secs()), seconds);
            assert_eq!(rule.lock(1000), longest_lock);
        }
    }

    #[test]
    fn spellings_that_find_one_user_and_addresses_of_one_subscriber_have_one_count() {
        // printf %s ada@example.com | sha256sum
        let hash = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72";
        assert_eq!(ThrottleKey::email("ADA@Example.com").as_str(), format!("email-sha256:{hash}"));
        // Only ASCII case is folded when a user is looked up.
        assert_ne!(ThrottleKey::email("\u{c4}@x"), ThrottleKey::email("\u{e4}@x"));
        for (address, source) in [
            ("192.0.2.1", "source:192.0.2.1"),
            ("::ffff:192.0.2.1", "source:192.0.2.1"),
            ("2001:db8:1:2:3::4", "source:2001:db8:1:2::/64"),
        ] {
            assert_eq!(ThrottleKey::source(address.parse().unwrap()).as_str(), source);
        }
    }
}
