//! `authorizer`: `validate` as a Lambda authorizer of API Gateway.
//!
//! API Gateway invokes it for the routes of other services, and caches its responses. A request may
//! pass if `validate` answers it with 200. Outside Lambda it responds as `validate`.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{
        HeaderValue, Request, Response, StatusCode,
        header::{AUTHORIZATION, COOKIE},
    },
    routing::any,
};
use lambda_http::{
    aws_lambda_events::apigw::{
        ApiGatewayCustomAuthorizerRequest, ApiGatewayCustomAuthorizerRequestTypeRequest,
        ApiGatewayProxyRequest, ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest,
    },
    lambda_runtime::Diagnostic,
};
use serde::Deserialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};
use shared::{
    serve::{GatewayEvent, InvocationEvent},
    token::TokenVerifier,
};
use validate::validate;

/// For every path, since it is that of the request to the other service.
pub fn router(verifier: TokenVerifier) -> Router {
    Router::new().fallback(any(validate)).with_state(Arc::new(verifier))
}

/// An event of an HTTP API or a REST API: the first variant that it can be parsed as.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum AuthorizerEvent {
    /// HTTP API, payload 2.0.
    HttpApi(Box<ApiGatewayV2CustomAuthorizerV2Request>),
    /// REST API with type `REQUEST`, or HTTP API with payload 1.0.
    Request {
        /// HTTP API: the cache key, joined by commas.
        #[serde(rename = "identitySource")]
        identity_source: Option<String>,
        /// The request.
        #[serde(flatten)]
        event: Box<ApiGatewayCustomAuthorizerRequestTypeRequest>,
    },
    /// REST API with type `TOKEN`: only the value of the header.
    Token(ApiGatewayCustomAuthorizerRequest),
}

impl InvocationEvent for AuthorizerEvent {
    /// An IAM policy for this resource (REST API). Without it, the simple response of payload 2.0
    /// (HTTP API).
    type Format = String;

    /// The request, without a token that is not in the identity source.
    fn into_request(self) -> Option<(Request<Body>, Option<String>)> {
        let (described, identity_source, method_arn) = match self {
            Self::HttpApi(event) => {
                let mut described = ApiGatewayV2httpRequest::default();
                described.raw_path = event.raw_path;
                described.headers = event.headers;
                described.request_context = event.request_context;
                (GatewayEvent::ApiGatewayV2(described), event.identity_source, None)
            }
            Self::Request { identity_source, event } => {
                let mut described = ApiGatewayProxyRequest::default();
                described.resource = event.resource;
                described.path_parameters = event.path_parameters;
                described.path = event.path;
                described.http_method = event.http_method.unwrap_or_default();
                described.headers = event.headers;
                described.multi_value_headers = event.multi_value_headers;
                let values = identity_source.map(|it| it.split(',').map(str::to_owned).collect());
                (GatewayEvent::ApiGatewayV1(described), values, event.method_arn)
            }
            Self::Token(event) => {
                let mut request = Request::default();
                let token =
                    event.authorization_token.filter(|_| event.type_.as_deref() == Some("TOKEN"));
                let token = token.and_then(|token| HeaderValue::from_str(&token).ok());
                request.headers_mut().extend(token.map(|token| (AUTHORIZATION, token)));
                return Some((request, event.method_arn.as_deref().map(whole_stage)));
            }
        };
        let (mut request, _) = described.into_request()?;
        // A response cached for another header would apply to clients that send that header without
        // a token.
        let is_cache_key = |value: &HeaderValue| {
            identity_source.as_ref().is_none_or(|values| values.iter().any(|it| it == value))
        };
        if !request.headers().get_all(AUTHORIZATION).iter().all(is_cache_key) {
            request.headers_mut().remove(AUTHORIZATION);
        }
        // An event of a REST API does not say whether its response is cached for them.
        request.headers_mut().remove(COOKIE);
        Some((request, method_arn.as_deref().map(whole_stage)))
    }

    /// An error if the token could not be verified. API Gateway answers 500 and caches nothing, while
    /// it would cache a refusal and apply it to valid tokens.
    async fn format(
        resource: Option<String>,
        response: Response<Body>,
    ) -> Result<Box<RawValue>, Diagnostic> {
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Err(Diagnostic {
                error_type: "Unavailable".into(),
                error_message: "the keys are out of reach, or the time is up".into(),
            });
        }
        let is_authorized = response.status() == StatusCode::OK;
        let context = if is_authorized { context(response).await } else { Map::new() };
        let output = match resource {
            None => json!({ "isAuthorized": is_authorized, "context": context }),
            Some(resource) => {
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
        to_raw_value(&output).map_err(|error| lambda_http::Error::from(error).into())
    }
}

/// All routes of the stage, since API Gateway caches one response for the token and applies it to
/// every route.
fn whole_stage(method_arn: &str) -> String {
    match method_arn.splitn(3, '/').collect::<Vec<_>>()[..] {
        [api, stage, _] => format!("{api}/{stage}/*"),
        _ => method_arn.to_owned(),
    }
}

/// The claims, from the body of `validate`. API Gateway accepts strings, numbers and booleans, so
/// arrays and objects become JSON strings.
async fn context(response: Response<Body>) -> Map<String, Value> {
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    let claims: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let flat = claims.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some((name, value.to_string().into())),
        plain => Some((name, plain)),
    });
    flat.collect()
}
