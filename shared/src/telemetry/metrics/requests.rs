//! Requests by outcome.

use std::sync::Arc;

use metrics::{Counter, counter};

use crate::telemetry::OutcomeName;

/// What the requests of a function are counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestCounter {
    /// `login_total`.
    Login,
    /// `validate_total`.
    Validate,
}

impl RequestCounter {
    pub(super) const fn metric(self) -> &'static str {
        match self {
            Self::Login => "login_total",
            Self::Validate => "validate_total",
        }
    }

    /// Whether such a request can come to this.
    const fn knows(self, outcome: OutcomeName) -> bool {
        match outcome {
            OutcomeName::LoginSuccess | OutcomeName::LoginFail | OutcomeName::LoginFailMax => {
                matches!(self, Self::Login)
            }
            OutcomeName::TokenVerified
            | OutcomeName::AuthzFail
            | OutcomeName::KeySet
            | OutcomeName::OpenidConfiguration => matches!(self, Self::Validate),
            OutcomeName::CredentialsMissing
            | OutcomeName::ServiceUnavailable
            | OutcomeName::MethodNotAllowed
            | OutcomeName::NotFound
            | OutcomeName::ClientClosedRequest => true,
        }
    }
}

/// The counters of a function's requests, looked up once. Counts nothing by default.
#[derive(Clone, Default)]
pub struct RequestCounts(Option<Arc<[Counter; OutcomeName::ALL.len()]>>);

impl RequestCounts {
    /// Counters at zero for all that `requests` can come to, in the exporter that is
    /// installed.
    pub(super) fn new(requests: RequestCounter) -> Self {
        let counters = OutcomeName::ALL.map(|outcome| {
            if requests.knows(outcome) {
                let counter = counter!(requests.metric(), "outcome" => outcome.as_str());
                counter.increment(0);
                counter
            } else {
                Counter::noop()
            }
        });
        Self(Some(Arc::new(counters)))
    }

    /// Counts a request that came to this.
    pub(crate) fn count(&self, outcome: OutcomeName) {
        if let Some(counters) = &self.0 {
            counters[outcome as usize].increment(1);
        }
    }
}
