//! Metrics: what is counted and measured, and under which names.
//!
//! They go through the facade `metrics`, and nowhere where no exporter was
//! [installed](Exporter::install): then each costs the look at one atomic. The values of
//! labels are closed sets, but for the names of keys, which are as many as there are keys.
//! None is ever taken from a request.

mod exporter;
mod gauges;
mod requests;

pub use exporter::{Exporter, Scrape};
pub use gauges::Gauges;
pub use requests::{RequestCounter, RequestCounts};

#[cfg(any(feature = "password", feature = "mysql"))]
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

use crate::secrets::SecretKind;

const HASH_DURATION: &str = "hash_duration_seconds";
const HASH_QUEUE: &str = "hash_queue_seconds";
const STATEMENT: &str = "database_query_duration_seconds";
const SECRET_FAILURES: &str = "secret_fetch_failures_total";
const SECRET_AGE: &str = "secret_age_seconds";
const KEY_INFO: &str = "key_info";
const CONNECTIONS: &str = "http_connections";
const CONNECTIONS_LIMIT: &str = "http_connections_limit";

/// Upper bounds for what a login waits for: a hash takes some 20 ms, and 10 s end a login.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// A password check, or a hash for a replacement, was computed: with its memory, without
/// the wait before it.
#[cfg(feature = "password")]
pub(crate) fn hash_computed(duration: Duration) {
    histogram!(HASH_DURATION).record(duration);
}

/// A computation got its slot after so long.
#[cfg(feature = "password")]
pub(crate) fn hash_queued(wait: Duration) {
    histogram!(HASH_QUEUE).record(wait);
}

/// A statement was answered, or given up.
#[cfg(feature = "mysql")]
pub(crate) fn statement_ended(duration: Duration) {
    histogram!(STATEMENT).record(duration);
}

/// A secret could not be fetched, or not be used.
pub(crate) fn secret_not_fetched(kind: SecretKind) {
    counter!(SECRET_FAILURES, "secret" => kind.as_str()).increment(1);
}

/// What each metric means, and zeros for what a function may count: an alert cannot see
/// the first failure of a counter that appears with it.
fn describe(requests: RequestCounter) {
    describe_counter!(requests.metric(), Unit::Count, "Requests that were answered, by outcome");
    describe_counter!(
        SECRET_FAILURES,
        Unit::Count,
        "Attempts to fetch a secret that failed, or whose secret could not be used"
    );
    describe_gauge!(
        SECRET_AGE,
        Unit::Seconds,
        "How long ago a secret was last confirmed at its source"
    );
    describe_gauge!(KEY_INFO, "A key in memory, which tokens are verified with");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections of clients that are open");
    describe_gauge!(CONNECTIONS_LIMIT, Unit::Count, "Connections of clients that may be open");
    counter!(SECRET_FAILURES, "secret" => SecretKind::Jwt.as_str()).increment(0);
    if requests == RequestCounter::Login {
        counter!(SECRET_FAILURES, "secret" => SecretKind::Database.as_str()).increment(0);
        describe_login();
    }
}

fn describe_login() {
    for (name, meaning) in [
        (HASH_DURATION, "How long password hashes were computed"),
        (HASH_QUEUE, "How long computations of password hashes waited for a slot"),
        (STATEMENT, "How long statements took until the database answered or was given up"),
    ] {
        describe_histogram!(name, Unit::Seconds, meaning);
        let _ = histogram!(name);
    }
}
