//! The metrics and their names, through the facade `metrics`; without an exporter they are dropped.
//!
//! Label values are closed sets, except the names of keys. None is taken from a request.

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use metrics::{
    Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram,
};
use metrics_cloudwatch_embedded::{Builder, Collector};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use super::Outcome;
use crate::config::{MetricsConfig, SecretKind};

/// Of a computation in a hash slot, without the wait for the slot.
pub(crate) const HASH_DURATION: &str = "hash_duration_seconds";
/// The wait for a hash slot.
pub(crate) const HASH_QUEUE: &str = "hash_queue_seconds";
/// Until a statement was answered or timed out.
pub(crate) const STATEMENT: &str = "database_query_duration_seconds";
/// Tokens that `validate` looked up in its cache.
pub(crate) const TOKEN_CACHE: &str = "token_cache_total";
pub(crate) const SECRET_FAILURES: &str = "secret_fetch_failures_total";
/// Since a secret was last confirmed.
pub(crate) const SECRET_AGE: &str = "secret_age_seconds";
pub(crate) const KEY_INFO: &str = "key_info";
pub(crate) const CONNECTIONS: &str = "http_connections";
pub(crate) const CONNECTIONS_LIMIT: &str = "http_connections_limit";

/// Upper bounds in seconds. A hash takes some 20 ms, and a login times out after 10 s.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// A thumbprint has 43 characters.
const MAX_KID_CHARACTERS: usize = 64;
/// Gauges are set at each scrape. An older one, such as that of a removed key, is dropped.
const GAUGE_IDLE_TIMEOUT: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(crate) enum Exporter {
    Off,
    /// A port that Prometheus scrapes.
    Prometheus(SocketAddr, PrometheusHandle),
    /// Standard output, for CloudWatch.
    Embedded(&'static Collector),
}

impl Exporter {
    /// Installs the configured exporter, once per process, if the function counts its requests.
    pub(crate) fn install(
        config: MetricsConfig,
        requests: Option<RequestCounter>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let Some(requests) = requests else { return Ok(Self::Off) };
        let exporter = match config {
            MetricsConfig::Off => return Ok(Self::Off),
            MetricsConfig::Prometheus(address) => {
                let builder = PrometheusBuilder::new().set_buckets(&BUCKETS)?;
                let builder = builder.idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_IDLE_TIMEOUT));
                Self::Prometheus(address, builder.install_recorder()?)
            }
            MetricsConfig::Embedded(function) => {
                let builder = Builder::new().cloudwatch_namespace("AuthFunctions");
                // The dimension of AWS's own metrics of a function.
                Self::Embedded(builder.with_dimension("FunctionName", function).init()?)
            }
        };
        describe(requests);
        Ok(exporter)
    }

    /// Writes all metrics, if they go to standard output. Called before the response of an
    /// invocation, after which Lambda freezes the process.
    pub(crate) fn flush(&self) {
        let Self::Embedded(collector) = self else { return };
        // One write, so that lines of concurrent requests do not mix.
        let mut lines = Vec::new();
        let written = collector.flush(&mut lines).and_then(|()| io::stdout().write_all(&lines));
        if let Err(error) = written {
            tracing::warn!(%error, "metrics were not written");
        }
    }
}

/// Describes each metric, and starts counters at zero: an alert would miss the first failure of a
/// counter that begins with it.
fn describe(requests: RequestCounter) {
    let failures = "Attempts to fetch a secret that failed, or whose secret could not be used";
    describe_counter!(SECRET_FAILURES, Unit::Count, failures);
    counter!(SECRET_FAILURES, "secret" => SecretKind::Jwt.as_str()).increment(0);
    let age = "How long ago a secret was last confirmed at its source";
    describe_gauge!(SECRET_AGE, Unit::Seconds, age);
    describe_gauge!(KEY_INFO, "A key in memory, which tokens are verified with");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections of clients that are open");
    describe_gauge!(CONNECTIONS_LIMIT, Unit::Count, "Connections of clients that may be open");
    let outcomes: &[_] = match requests {
        RequestCounter::Login => {
            counter!(SECRET_FAILURES, "secret" => SecretKind::Database.as_str()).increment(0);
            for (name, meaning) in [
                (HASH_DURATION, "How long password hashes were computed"),
                (HASH_QUEUE, "How long computations of password hashes waited for a slot"),
                (STATEMENT, "How long statements took until the database answered or was given up"),
            ] {
                describe_histogram!(name, Unit::Seconds, meaning);
                let _ = histogram!(name);
            }
            &[Outcome::LOGIN_SUCCESS, Outcome::LOGIN_FAIL, Outcome::LOGIN_FAIL_MAX]
        }
        RequestCounter::Validate => {
            let lookups = "Tokens by whether they had verified before";
            describe_counter!(TOKEN_CACHE, Unit::Count, lookups);
            for result in ["hit", "miss"] {
                counter!(TOKEN_CACHE, "result" => result).increment(0);
            }
            &[
                Outcome::TOKEN_VERIFIED,
                Outcome::AUTHZ_FAIL,
                Outcome::KEY_SET,
                Outcome::OPENID_CONFIGURATION,
            ]
        }
    };
    describe_counter!(requests.metric(), Unit::Count, "Requests that were answered, by outcome");
    let common = [
        Outcome::CREDENTIALS_MISSING,
        Outcome::SERVICE_UNAVAILABLE,
        Outcome::METHOD_NOT_ALLOWED,
        Outcome::NOT_FOUND,
        Outcome::CLIENT_CLOSED_REQUEST,
    ];
    for outcome in outcomes.iter().chain(&common) {
        requests.counter(*outcome).increment(0);
    }
}

/// The counter of a function's requests.
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

    /// The counter of the requests with this outcome.
    pub(super) fn counter(self, outcome: Outcome) -> Counter {
        counter!(self.metric(), "outcome" => outcome.0)
    }
}

/// Operators choose the names of keys; a label value is short, and printable ASCII.
pub(crate) fn label(kid: &str) -> String {
    let characters = kid.chars().take(MAX_KID_CHARACTERS);
    characters.map(|it| if it.is_ascii_graphic() { it } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_a_key_is_short_and_printable_ascii() {
        assert_eq!(label("2026-01_a.b"), "2026-01_a.b");
        assert_eq!(label("a\nb\u{1b}ä "), "a_b___");
        assert_eq!(label(&"x".repeat(1000)).len(), 64);
    }
}
