//! Why there is no secret, for an operator and for the caller.

use std::error::Error;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// A call did not come about.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct CallError {
    /// What an operator needs to know: the service's own words where it answered, the
    /// chain of causes where it did not.
    pub reason: String,
    /// What to do about it.
    pub failure: Failure,
    /// The name that the service gives the failure, such as `ResourceExistsException`.
    pub code: Option<String>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no such secret, or it has no such stage.
    NotFound,
    /// We are known, and may not read it.
    Denied,
    /// It may go better next time.
    Transient,
    /// It will go the same way next time.
    Permanent,
}

/// Parts of the codes of refusals (HTTP 4xx) that may go better next time: too many
/// requests, credentials that were about to be renewed, a key of KMS out of reach.
const TRANSIENT: [&str; 5] =
    ["Throttl", "TooManyRequests", "LimitExceeded", "Expired", "Decryption"];

impl CallError {
    /// It will go the same way next time.
    #[must_use]
    pub fn permanent(reason: &str) -> Self {
        Self { reason: reason.into(), failure: Failure::Permanent, code: None }
    }
}

impl<E: ProvideErrorMetadata + Error + 'static> From<SdkError<E>> for CallError {
    fn from(error: SdkError<E>) -> Self {
        let SdkError::ServiceError(refusal) = &error else {
            let reason = format!("Secrets Manager cannot be asked: {}", causes(&error));
            let failure = match &error {
                SdkError::ConstructionFailure(_) => Failure::Permanent,
                _ => Failure::Transient,
            };
            return Self { reason, failure, code: None };
        };
        let (status, refusal) = (refusal.raw().status(), refusal.err());
        let reason = format!(
            "Secrets Manager answered HTTP {} {}: {}",
            status.as_u16(),
            refusal.code().unwrap_or("without a code"),
            refusal.message().unwrap_or("no message"),
        );
        let failure = match refusal.code() {
            _ if !status.is_client_error() => Failure::Transient,
            Some("ResourceNotFoundException") => Failure::NotFound,
            Some("AccessDeniedException") => Failure::Denied,
            Some(code) if TRANSIENT.iter().any(|part| code.contains(part)) => Failure::Transient,
            _ => Failure::Permanent,
        };
        Self { reason, failure, code: refusal.code().map(str::to_owned) }
    }
}

/// What went wrong, from the outermost to the innermost cause; many repeat their source. A message
/// of the SDK's that quotes a request is left out: its body may be a secret.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let mut messages: Vec<_> = chain.map(ToString::to_string).collect();
    messages.retain(|message| !message.contains("SdkBody"));
    messages.dedup();
    messages.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

    use super::*;

    #[test]
    fn a_request_that_an_error_quotes_is_not_told() {
        #[derive(Debug, thiserror::Error)]
        #[error("no endpoint for {0:?}")]
        struct Quoting(HttpRequest);
        #[derive(Debug, thiserror::Error)]
        #[error("dispatch failure")]
        struct Failed(#[source] Quoting);
        let mut request = HttpRequest::empty();
        *request.body_mut() = "WebIdentityToken=a-secret".into();
        assert!(format!("{request:?}").contains("a-secret"), "the SDK quotes bodies");
        assert_eq!(causes(&Failed(Quoting(request))), "dispatch failure");
    }
}
