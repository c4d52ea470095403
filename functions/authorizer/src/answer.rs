//! What API Gateway is told.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use http_body_util::{BodyExt, Collected};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};

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
    /// If it says that the token could not be looked at.
    pub(crate) async fn answer(self, response: Response<Body>) -> Result<Answer, Unavailable> {
        match response.status() {
            StatusCode::OK => Ok(self.allowed(claims(response).await)),
            StatusCode::SERVICE_UNAVAILABLE => Err(Unavailable),
            _ => Ok(self.refused()),
        }
    }

    fn allowed(self, claims: Map<String, Value>) -> Answer {
        let context = flat(claims);
        match self {
            Self::Simple => Answer::Simple { is_authorized: true, context },
            Self::Policy { resource } => {
                let names = ["sub", "username"];
                let principal = names.iter().find_map(|name| context.get(*name)?.as_str());
                let principal_id = principal.unwrap_or_default().to_owned();
                let policy_document = PolicyDocument::new("Allow", resource);
                Answer::Policy { principal_id, policy_document, context }
            }
        }
    }

    pub(crate) fn refused(self) -> Answer {
        match self {
            Self::Simple => Answer::Simple { is_authorized: false, context: Map::new() },
            Self::Policy { resource } => Answer::Policy {
                principal_id: "nobody".into(),
                policy_document: PolicyDocument::new("Deny", resource),
                context: Map::new(),
            },
        }
    }
}

/// The answer.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Answer {
    /// To an HTTP API.
    Simple {
        /// Whether the request may pass.
        is_authorized: bool,
        /// The claims, for integrations and access logs.
        context: Map<String, Value>,
    },
    /// To a REST API.
    Policy {
        /// Who asks: the user's id.
        principal_id: String,
        /// Whether the request, and others with this token, may pass.
        policy_document: PolicyDocument,
        /// The claims, for integrations and access logs.
        context: Map<String, Value>,
    },
}

/// A policy in the language of IAM.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: &'static str,
    resource: String,
}

impl PolicyDocument {
    fn new(effect: &'static str, resource: String) -> Self {
        let statement = Statement { effect, action: "execute-api:Invoke", resource };
        Self { version: "2012-10-17", statement: [statement] }
    }
}

/// There is neither a yes nor a no. As an error it makes the gateway answer 500, once; a
/// refusal would be kept and given to good tokens for minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

impl From<Unavailable> for Diagnostic {
    fn from(_: Unavailable) -> Self {
        Self {
            error_type: "Unavailable".into(),
            error_message: "the keys are out of reach, or the time is up".into(),
        }
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
