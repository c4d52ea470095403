//! What an answer says beside its status.

use reqwest::{
    Response, StatusCode,
    header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
};
use secrecy::SecretString;
use serde::Deserialize;

/// A login's answer (RFC 6749 section 5.1).
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: SecretString,
    /// Seconds.
    pub(crate) expires_in: u32,
}

/// Whether the service is too busy, or the account locked, for the moment.
pub(crate) fn is_come_back_later(response: &Response) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status())
}

/// Whether the token has expired, or its key is gone (RFC 6750 section 3.1).
pub(crate) fn is_invalid_token(response: &Response) -> bool {
    let challenge = header(response, &WWW_AUTHENTICATE);
    response.status() == StatusCode::FORBIDDEN && challenge.contains(r#"error="invalid_token""#)
}

/// Seconds to wait; 1 where somebody in between says a date, or nothing.
pub(crate) fn retry_after(response: &Response) -> u32 {
    let value = header(response, &RETRY_AFTER);
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { value.parse().unwrap_or(u32::MAX) } else { 1 }
}

/// The status, and what the service says about it (RFC 9457).
pub(crate) async fn refusal(response: Response) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = response.status().as_u16();
    match response.json::<Problem>().await {
        Ok(problem) => format!("{status} {}", problem.detail),
        Err(_) => status.to_string(),
    }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
