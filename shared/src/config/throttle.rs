//! How many failed logins are put up with.

use std::time::Duration;

use super::Reader;

/// When an e-mail, or a source of requests, has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// `LOGIN_MAX_FAILURES`: the failure in a row with which an e-mail is locked.
    pub max_failures: u32,
    /// `LOGIN_MAX_LOCK_SECONDS`: the longest lock of an e-mail.
    pub longest_lock: Duration,
    /// `LOGIN_SOURCE_LIMIT`: failures a minute from one source, if that is limited.
    pub source_limit: Option<u32>,
    /// `TRUSTED_PROXY_HOPS`: how many proxies in front of this service add to
    /// `X-Forwarded-For`; with 0 the platform's word is taken.
    pub proxy_hops: usize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        let longest_lock = Duration::from_secs(DEFAULT_LOCK_SECONDS);
        Self { max_failures: DEFAULT_FAILURES, longest_lock, source_limit: None, proxy_hops: 0 }
    }
}

const DEFAULT_FAILURES: u32 = 5;
const DEFAULT_LOCK_SECONDS: u64 = 15 * 60;
const DAY_SECONDS: u64 = 24 * 60 * 60;

impl ThrottleConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let failures = reader.number("LOGIN_MAX_FAILURES", DEFAULT_FAILURES, 1..=10_000);
        let lock = reader.number("LOGIN_MAX_LOCK_SECONDS", DEFAULT_LOCK_SECONDS, 1..=DAY_SECONDS);
        let limit = reader.number("LOGIN_SOURCE_LIMIT", 0, 0..=1_000_000);
        let hops = reader.number("TRUSTED_PROXY_HOPS", 0, 0..=16);
        Some(Self {
            max_failures: failures?,
            longest_lock: Duration::from_secs(lock?),
            source_limit: Some(limit?).filter(|limit| *limit > 0),
            proxy_hops: hops?,
        })
    }
}
