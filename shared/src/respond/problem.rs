//! Errors as JSON (RFC 9457).

use axum::http::StatusCode;
use serde::Serialize;

/// A problem without a type of its own (RFC 9457 section 4.2.1): the title is the
/// status's, and the detail says what the plain text would.
pub(super) fn body(status: StatusCode, detail: &str) -> String {
    #[derive(Serialize)]
    struct Problem<'a> {
        r#type: &'static str,
        title: &'a str,
        status: u16,
        detail: &'a str,
    }
    let title = status.canonical_reason().unwrap_or_default();
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    serde_json::to_string(&problem).expect("texts and a number are JSON")
}
