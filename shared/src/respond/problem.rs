//! Errors as JSON (RFC 9457).

use axum::http::StatusCode;
use serde::Serialize;

/// A problem without a type of its own (RFC 9457 section 4.2.1).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(super) struct Problem<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The name of the status.
    title: &'a str,
    /// The status code.
    status: u16,
    /// What the plain text says.
    detail: &'a str,
}

pub(super) fn body(status: StatusCode, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or_default();
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    serde_json::to_string(&problem).expect("texts and a number are JSON")
}
