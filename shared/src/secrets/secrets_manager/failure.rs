//! Why there is no secret, for an operator and for whoever decides what to do about it.

use std::error::Error;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// Why there is no text.
pub(in crate::secrets) struct NotFetched {
    pub(in crate::secrets) reason: String,
    pub(in crate::secrets) failure: Failure,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::secrets) enum Failure {
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

impl NotFetched {
    pub(super) fn permanent(reason: &str) -> Self {
        Self { reason: reason.into(), failure: Failure::Permanent }
    }

    pub(super) fn because<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Self {
        Self { reason: reason(error), failure: failure(error) }
    }
}

fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Failure {
    let (Some(answered), Some(response)) = (error.as_service_error(), error.raw_response()) else {
        return Failure::Transient;
    };
    match answered.code() {
        _ if !response.status().is_client_error() => Failure::Transient,
        Some("ResourceNotFoundException") => Failure::NotFound,
        Some("AccessDeniedException") => Failure::Denied,
        Some(code) if TRANSIENT.iter().any(|part| code.contains(part)) => Failure::Transient,
        _ => Failure::Permanent,
    }
}

/// What an operator needs to know: the service's own words where it answered, the
/// chain of causes where it did not.
#[must_use]
pub fn reason<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    let (Some(answered), Some(response)) = (error.as_service_error(), error.raw_response()) else {
        let causes = causes(error).join(": ").replace("\n ", ";");
        return format!("Secrets Manager cannot be asked: {causes}");
    };
    format!(
        "Secrets Manager answered HTTP {} {}: {}",
        response.status().as_u16(),
        answered.code().unwrap_or("without a code"),
        answered.message().unwrap_or("no message"),
    )
}

/// The messages from the outermost to the innermost cause; many repeat their source.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages.dedup();
    messages
}
