//! Metrics: what is counted and measured, and under which names.
//!
//! They go through the facade `metrics`, and nowhere where no exporter was installed: then each
//! costs the look at one atomic. The values of labels are closed sets, but for the names of keys,
//! which are as many as there are keys. None is ever taken from a request.

mod exporter;

pub(crate) use exporter::{Exporter, Scrape};

use std::time::Duration;

use metrics::{
    Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::OutcomeName;
use crate::config::SecretKind;

/// Of a password check, or a hash for a replacement: with its memory, without the wait before it.
pub(crate) const HASH_DURATION: &str = "hash_duration_seconds";
/// How long a computation waited for its slot.
pub(crate) const HASH_QUEUE: &str = "hash_queue_seconds";
/// Until a statement was answered, or given up.
pub(crate) const STATEMENT: &str = "database_query_duration_seconds";
const SECRET_FAILURES: &str = "secret_fetch_failures_total";
const SECRET_AGE: &str = "secret_age_seconds";
const KEY_INFO: &str = "key_info";
const CONNECTIONS: &str = "http_connections";
const CONNECTIONS_LIMIT: &str = "http_connections_limit";

/// Upper bounds for what a login waits for: a hash takes some 20 ms, and 10 s end a login.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// A thumbprint has 43 characters.
const MAX_KID_CHARACTERS: usize = 64;

/// A duration was measured.
#[cfg(any(feature = "password", feature = "mysql"))]
pub(crate) fn measured(name: &'static str, duration: Duration) {
    histogram!(name).record(duration);
}

/// A secret could not be fetched, or not be used.
pub(crate) fn secret_not_fetched(kind: SecretKind) {
    counter!(SECRET_FAILURES, "secret" => kind.as_str()).increment(1);
}

/// What each metric means, and zeros for what a function may count: an alert cannot see
/// the first failure of a counter that appears with it.
fn describe(requests: RequestCounter) {
    describe_counter!(requests.metric(), Unit::Count, "Requests that were answered, by outcome");
    for outcome in requests.outcomes() {
        requests.counter(outcome).increment(0);
    }
    let failures = "Attempts to fetch a secret that failed, or whose secret could not be used";
    describe_counter!(SECRET_FAILURES, Unit::Count, failures);
    let age = "How long ago a secret was last confirmed at its source";
    describe_gauge!(SECRET_AGE, Unit::Seconds, age);
    describe_gauge!(KEY_INFO, "A key in memory, which tokens are verified with");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections of clients that are open");
    describe_gauge!(CONNECTIONS_LIMIT, Unit::Count, "Connections of clients that may be open");
    counter!(SECRET_FAILURES, "secret" => SecretKind::Jwt.as_str()).increment(0);
    if requests == RequestCounter::Login {
        counter!(SECRET_FAILURES, "secret" => SecretKind::Database.as_str()).increment(0);
        for (name, meaning) in [
            (HASH_DURATION, "How long password hashes were computed"),
            (HASH_QUEUE, "How long computations of password hashes waited for a slot"),
            (STATEMENT, "How long statements took until the database answered or was given up"),
        ] {
            describe_histogram!(name, Unit::Seconds, meaning);
            let _ = histogram!(name);
        }
    }
}

/// What the requests of a function are counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestCounter {
    /// `login_total`.
    Login,
    /// `validate_total`.
    Validate,
}

impl RequestCounter {
    const fn metric(self) -> &'static str {
        match self {
            Self::Login => "login_total",
            Self::Validate => "validate_total",
        }
    }

    /// What such a request can come to.
    fn outcomes(self) -> impl Iterator<Item = OutcomeName> {
        use OutcomeName::{
            AuthzFail, ClientClosedRequest, CredentialsMissing, KeySet, LoginFail, LoginFailMax,
            LoginSuccess, MethodNotAllowed, NotFound, OpenidConfiguration, ServiceUnavailable,
            TokenVerified,
        };
        let own: &[OutcomeName] = match self {
            Self::Login => &[LoginSuccess, LoginFail, LoginFailMax],
            Self::Validate => &[TokenVerified, AuthzFail, KeySet, OpenidConfiguration],
        };
        let both = [
            CredentialsMissing,
            ServiceUnavailable,
            MethodNotAllowed,
            NotFound,
            ClientClosedRequest,
        ];
        own.iter().copied().chain(both)
    }

    /// Of the requests that came to this.
    pub(super) fn counter(self, outcome: OutcomeName) -> Counter {
        counter!(self.metric(), "outcome" => outcome.as_str())
    }
}

/// Sets how long ago a secret was last confirmed.
pub(crate) fn set_secret_age(kind: SecretKind, age: Duration) {
    gauge!(SECRET_AGE, "secret" => kind.as_str()).set(age.as_secs_f64());
}

/// Sets that there is a key of this name, if it has one.
pub(crate) fn set_key(kid: Option<&str>, algorithm: &'static str) {
    gauge!(KEY_INFO, "kid" => plain(kid.unwrap_or_default()), "alg" => algorithm).set(1);
}

/// Sets how many connections are open, and how many may be.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and these are small")]
pub(crate) fn set_connections(open: usize, limit: usize) {
    gauge!(CONNECTIONS).set(open as f64);
    gauge!(CONNECTIONS_LIMIT).set(limit as f64);
}

/// An operator may call a key anything; here it is a short word.
fn plain(kid: &str) -> String {
    let characters = kid.chars().take(MAX_KID_CHARACTERS);
    characters.map(|it| if it.is_ascii_graphic() { it } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_is_short_and_plain_whatever_it_is() {
        assert_eq!(plain("2026-01_a.b"), "2026-01_a.b");
        assert_eq!(plain("a\nb\u{1b}ä "), "a_b___");
        assert_eq!(plain(&"x".repeat(1000)).len(), 64);
    }
}
