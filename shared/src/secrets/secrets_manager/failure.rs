//! Why there is no secret, for an operator and for whoever decides what to do about it.

use std::{error::Error, fmt::Display};

use axum::{body::Bytes, http::Response};
use serde::Deserialize;

/// A call did not come about.
#[derive(Debug)]
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
    pub(super) fn permanent(reason: &str) -> Self {
        Self { reason: reason.into(), failure: Failure::Permanent, code: None }
    }

    /// There was no answer that could be read.
    pub(super) fn unanswered(reason: impl Display) -> Self {
        let reason = format!("Secrets Manager cannot be asked: {reason}");
        Self { reason, failure: Failure::Transient, code: None }
    }

    /// There was nothing to sign with.
    pub(super) fn without_credentials(error: &reqsign_core::Error) -> Self {
        let reason = format!("no AWS credentials could be had: {}", causes(error));
        Self { reason, failure: Failure::Transient, code: None }
    }

    /// The answer was another than success.
    pub(super) fn refused(answer: &Response<Bytes>) -> Self {
        let Refusal { code, message } = Refusal::read(answer.body());
        let status = answer.status();
        let reason = format!(
            "Secrets Manager answered HTTP {} {}: {}",
            status.as_u16(),
            code.as_deref().unwrap_or("without a code"),
            message.as_deref().unwrap_or("no message"),
        );
        let failure = match code.as_deref() {
            _ if !status.is_client_error() => Failure::Transient,
            Some("ResourceNotFoundException") => Failure::NotFound,
            Some("AccessDeniedException") => Failure::Denied,
            Some(code) if TRANSIENT.iter().any(|part| code.contains(part)) => Failure::Transient,
            _ => Failure::Permanent,
        };
        Self { reason, failure, code }
    }
}

/// The body of a refusal (AWS JSON 1.1). Its code may stand behind a namespace and `#`.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl Refusal {
    fn read(body: &[u8]) -> Self {
        let read: Self = serde_json::from_slice(body).unwrap_or_default();
        let code = read.code.map(|code| match code.rsplit_once('#') {
            Some((_, name)) => name.to_owned(),
            None => code,
        });
        Self { code, ..read }
    }
}

/// What went wrong, from the outermost to the innermost cause; many repeat their source.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages.dedup();
    messages.join(": ")
}
