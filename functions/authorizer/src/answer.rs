//! What API Gateway is told.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use http_body_util::{BodyExt, Collected};
use lambda_http::lambda_runtime::Diagnostic;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

/// How the API expects to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Form {
    /// HTTP API: the simple response of payload 2.0.
    Simple,
    /// REST API: an IAM policy for this resource.
    Policy {
        /// The ARN of all routes of the stage.
        resource: String,
    },
}

impl Form {
    /// A policy for the whole stage of `method_arn`, since API Gateway keeps an answer for the
    /// token and applies it to every route.
    #[must_use]
    pub fn policy(method_arn: &str) -> Self {
        let resource = match method_arn.splitn(3, '/').collect::<Vec<_>>()[..] {
            [api, stage, _] => format!("{api}/{stage}/*"),
            _ => method_arn.to_owned(),
        };
        Self::Policy { resource }
    }

    /// What `response` says, in this form.
    ///
    /// # Errors
    ///
    /// If it says that the token could not be looked at: there is neither a yes nor a no. As an
    /// error it makes the gateway answer 500, once; a refusal would be kept and given to good
    /// tokens for minutes.
    pub(crate) async fn answer(
        self,
        response: Response<Body>,
    ) -> Result<Box<RawValue>, Diagnostic> {
        let claims = match response.status() {
            StatusCode::OK => Some(flat(claims(response).await)),
            StatusCode::SERVICE_UNAVAILABLE => {
                return Err(Diagnostic {
                    error_type: "Unavailable".into(),
                    error_message: "the keys are out of reach, or the time is up".into(),
                });
            }
            _ => None,
        };
        let is_authorized = claims.is_some();
        let context = claims.unwrap_or_default();
        let answer = match self {
            Self::Simple => json!({ "isAuthorized": is_authorized, "context": context }),
            Self::Policy { resource } => {
                let principal =
                    ["sub", "username"].iter().find_map(|name| context.get(*name)?.as_str());
                let statement = json!({
                    "Effect": if is_authorized { "Allow" } else { "Deny" },
                    "Action": ["execute-api:Invoke"],
                    "Resource": [resource],
                });
                json!({
                    "principalId": principal.unwrap_or("nobody"),
                    "policyDocument": { "Version": "2012-10-17", "Statement": [statement] },
                    "context": context,
                })
            }
        };
        to_raw_value(&answer).map_err(|error| lambda_http::Error::from(error).into())
    }
}

/// The payload of the token: the body of `validate`.
async fn claims(response: Response<Body>) -> Map<String, Value> {
    let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// API Gateway takes texts, numbers and booleans. What else a claim may be becomes JSON text.
fn flat(claims: Map<String, Value>) -> Map<String, Value> {
    let flat = claims.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some((name, value.to_string().into())),
        plain => Some((name, plain)),
    });
    flat.collect()
}
