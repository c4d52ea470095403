//! The events by which API Gateway asks an authorizer.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header::AUTHORIZATION},
};
use lambda_http::{
    aws_lambda_events::apigw::{
        ApiGatewayCustomAuthorizerRequest, ApiGatewayCustomAuthorizerRequestTypeRequest,
        ApiGatewayProxyRequest, ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest,
    },
    lambda_runtime::Diagnostic,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::serve::{GatewayEvent, InvocationEvent};

use crate::answer::Form;

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

impl InvocationEvent for AuthorizerEvent {
    type Form = Form;

    fn form_for_others() -> Form {
        Form::Simple
    }

    fn into_request(self) -> (Request<Body>, Form) {
        match self {
            Self::HttpApi(event) => {
                let mut described = ApiGatewayV2httpRequest::default();
                described.raw_path = event.raw_path;
                described.headers = event.headers;
                described.request_context = event.request_context;
                let kept_under = event.identity_source.as_deref();
                (request(GatewayEvent::ApiGatewayV2(described), kept_under), Form::Simple)
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
                (request, event.method_arn.as_deref().map_or(Form::Simple, Form::policy))
            }
            Self::Token(event) => {
                let mut request = Request::default();
                let token =
                    event.authorization_token.filter(|_| event.type_.as_deref() == Some("TOKEN"));
                let token = token.and_then(|token| HeaderValue::from_str(&token).ok());
                request.headers_mut().extend(token.map(|token| (AUTHORIZATION, token)));
                (request, event.method_arn.as_deref().map_or(Form::Simple, Form::policy))
            }
        }
    }

    async fn answer(form: Form, response: Response<Body>) -> Result<Box<RawValue>, Diagnostic> {
        form.answer(response).await
    }
}

/// The request, without a token that the answer is not kept under. If it is kept under
/// something else, such as another header, a client that sends that passes with no token at all.
fn request(described: GatewayEvent, kept_under: Option<&[String]>) -> Request<Body> {
    let (mut request, _) = described.into_request();
    let is_kept_under = |value: &HeaderValue| {
        kept_under.is_none_or(|sources| sources.iter().any(|source| source == value))
    };
    let headers: &mut HeaderMap = request.headers_mut();
    if !headers.get_all(AUTHORIZATION).iter().all(is_kept_under) {
        headers.remove(AUTHORIZATION);
    }
    request
}
