//! `authorizer`: what `validate` answers, in the form of an API Gateway authorizer.
//!
//! API Gateway asks it before a route of any service, and keeps the answer. A request that
//! `validate` answers with 200 may pass, no other. Outside Lambda it answers as `validate` does.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION},
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
    config::{Problem, Reader, TransportConfig},
    serve::{Function, GatewayEvent, InvocationEvent, Parts},
    telemetry::RequestCounter,
};
use validate::{Validate, ValidateState, validate};

/// The function.
pub struct Authorizer(Validate);

impl Function for Authorizer {
    const NAME: &'static str = "authorizer";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Validate);
    type Event = AuthorizerEvent;

    fn configure(reader: &mut Reader<'_>) -> Self {
        Self(Validate::configure(reader))
    }

    async fn start(self, transport: TransportConfig) -> Result<Parts, Vec<Problem>> {
        self.0.start_with(transport, router).await
    }
}

/// Whatever the path: it is that of the request which waits at the gateway.
pub fn router(state: ValidateState) -> Router {
    Router::new().fallback(any(validate)).with_state(Arc::new(state))
}

/// An event of an HTTP API or of a REST API, the first of these that it can be read as.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum AuthorizerEvent {
    /// HTTP API, payload 2.0.
    HttpApi(Box<ApiGatewayV2CustomAuthorizerV2Request>),
    /// REST API, `REQUEST`; and HTTP API, payload 1.0.
    Request {
        /// HTTP API: what the gateway keeps an answer under, joined by commas.
        #[serde(rename = "identitySource")]
        kept_under: Option<String>,
        /// The whole request, as API Gateway would send it to a function.
        #[serde(flatten)]
        event: Box<ApiGatewayCustomAuthorizerRequestTypeRequest>,
    },
    /// REST API, `TOKEN`: the value of the header and nothing else.
    Token(ApiGatewayCustomAuthorizerRequest),
}

/// How API Gateway expects to be told: for a REST API by an IAM policy for this resource, for an
/// HTTP API (`None`) by the simple response of payload 2.0.
pub type PolicyResource = Option<String>;

impl InvocationEvent for AuthorizerEvent {
    type Form = PolicyResource;

    const FORM_FOR_OTHERS: PolicyResource = None;

    fn into_request(self) -> (Request<Body>, PolicyResource) {
        match self {
            Self::HttpApi(event) => {
                let mut described = ApiGatewayV2httpRequest::default();
                described.raw_path = event.raw_path;
                described.headers = event.headers;
                described.request_context = event.request_context;
                let kept_under = event.identity_source.as_deref();
                (request(GatewayEvent::ApiGatewayV2(described), kept_under), None)
            }
            Self::Request { kept_under, event } => {
                let mut described = ApiGatewayProxyRequest::default();
                described.resource = event.resource;
                described.path_parameters = event.path_parameters;
                described.path = event.path;
                described.http_method = event.http_method.unwrap_or_default();
                described.headers = event.headers;
                described.multi_value_headers = event.multi_value_headers;
                let kept_under: Option<Vec<String>> =
                    kept_under.map(|joined| joined.split(',').map(str::to_owned).collect());
                let request = request(GatewayEvent::ApiGatewayV1(described), kept_under.as_deref());
                (request, event.method_arn.as_deref().map(whole_stage))
            }
            Self::Token(event) => {
                let mut request = Request::default();
                let token =
                    event.authorization_token.filter(|_| event.type_.as_deref() == Some("TOKEN"));
                let token = token.and_then(|token| HeaderValue::from_str(&token).ok());
                request.headers_mut().extend(token.map(|token| (AUTHORIZATION, token)));
                (request, event.method_arn.as_deref().map(whole_stage))
            }
        }
    }

    /// An error if the token could not be looked at. It makes the gateway answer 500, once; a
    /// refusal would be kept and given to good tokens for minutes.
    async fn answer(
        resource: PolicyResource,
        response: Response<Body>,
    ) -> Result<Box<RawValue>, Diagnostic> {
        let is_authorized = response.status() == StatusCode::OK;
        let context = match response.status() {
            StatusCode::OK => context(response).await,
            StatusCode::SERVICE_UNAVAILABLE => {
                return Err(Diagnostic {
                    error_type: "Unavailable".into(),
                    error_message: "the keys are out of reach, or the time is up".into(),
                });
            }
            _ => Map::new(),
        };
        let answer = match resource {
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
        to_raw_value(&answer).map_err(|error| lambda_http::Error::from(error).into())
    }
}

/// The request, without a token that the answer is not kept under. If it is kept under
/// something else, such as another header, a client that sends that passes with no token at all.
fn request(described: GatewayEvent, kept_under: Option<&[String]>) -> Request<Body> {
    let (mut request, _) = described.into_request();
    let is_kept_under = |value: &HeaderValue| {
        kept_under.is_none_or(|sources| sources.iter().any(|source| source == value))
    };
    if !request.headers().get_all(AUTHORIZATION).iter().all(is_kept_under) {
        request.headers_mut().remove(AUTHORIZATION);
    }
    request
}

/// The resource of all routes of the stage, since API Gateway keeps an answer for the token and
/// applies it to every route.
fn whole_stage(method_arn: &str) -> String {
    match method_arn.splitn(3, '/').collect::<Vec<_>>()[..] {
        [api, stage, _] => format!("{api}/{stage}/*"),
        _ => method_arn.to_owned(),
    }
}

/// The payload of the token, which is the body of `validate`. API Gateway takes texts, numbers and
/// booleans: what else a claim may be becomes JSON text.
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
