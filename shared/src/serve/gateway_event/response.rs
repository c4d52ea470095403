//! Answers in the forms that the gateways expect.

use std::collections::HashMap;

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use http_body_util::{BodyExt, Collected};
use serde::Serialize;

/// How a gateway wants to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayForm {
    pub(super) multi_value: bool,
    pub(super) described: bool,
    pub(super) cookies: bool,
}

/// The answer in the gateway's form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAnswer {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<HashMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
    /// Never any; but in payload 2.0 cargo-lambda's emulator insists on the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<[String; 0]>,
    body: String,
    is_base64_encoded: bool,
}

impl GatewayAnswer {
    /// To whoever may invoke the function and sends no event of a gateway.
    pub(super) fn bad_request() -> Self {
        Self {
            status_code: StatusCode::BAD_REQUEST.as_u16(),
            status_description: None,
            headers: None,
            multi_value_headers: None,
            cookies: None,
            body: "bad request".into(),
            is_base64_encoded: false,
        }
    }
}

impl GatewayForm {
    /// `response` in this form. Ours are all texts with one value a header.
    pub(super) async fn answer(self, response: Response<Body>) -> GatewayAnswer {
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let (single, multiple) = if self.multi_value {
            (None, Some(headers.map(|(name, value)| (name, vec![value])).collect()))
        } else {
            (Some(headers.collect()), None)
        };
        GatewayAnswer {
            status_code: head.status.as_u16(),
            status_description: self.described.then(|| describe(head.status)),
            headers: single,
            multi_value_headers: multiple,
            cookies: self.cookies.then_some([]),
            body: String::from_utf8_lossy(&body).into_owned(),
            is_base64_encoded: false,
        }
    }
}

/// A load balancer's status line, such as `200 OK`.
fn describe(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())
}
