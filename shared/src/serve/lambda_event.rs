//! Lambda events as HTTP requests, and HTTP responses in the format of each gateway.
//!
//! `lambda_http` parses the events and formats the responses. The requests are built here, since its
//! own conversion loses repeated headers and panics on some input
//! (docs/decisions/lambda-events.md). Bodies and queries are ignored.

use std::{collections::HashMap, convert::Infallible, future::ready};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Request, Response, Uri, header::COOKIE},
};
use lambda_http::{
    TransformResponse,
    request::{LambdaRequest, RequestOrigin},
};
use lambda_runtime::Diagnostic;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::client_address::PeerAddress;

/// A Lambda event that carries a request.
pub trait InvocationEvent: DeserializeOwned + Send + 'static {
    /// The format in which the sender of an event expects the response.
    type Format: Send;

    /// The request, and the format of its response. `None` if no request can be made of it.
    fn into_request(self) -> Option<(Request<Body>, Option<Self::Format>)>;

    /// Formats `response` as JSON. An event that cannot be parsed has no format.
    ///
    /// # Errors
    ///
    /// A failed invocation, if the format cannot express such a response.
    fn format(
        format: Option<Self::Format>,
        response: Response<Body>,
    ) -> impl Future<Output = Result<Box<RawValue>, Diagnostic>> + Send;
}

/// An event of a function URL, an HTTP API, a REST API, a load balancer or VPC Lattice.
pub type GatewayEvent = LambdaRequest;

impl InvocationEvent for GatewayEvent {
    type Format = RequestOrigin;

    fn into_request(self) -> Option<(Request<Body>, Option<RequestOrigin>)> {
        let origin = Some(self.request_origin());
        let mut request = Request::default();
        let (method, path, headers, source) = match self {
            Self::ApiGatewayV1(event) => {
                let path = path_of_resource(event.resource.as_deref(), &event.path_parameters);
                let headers = all_values(event.headers, event.multi_value_headers);
                let source = event.request_context.identity.source_ip;
                (event.http_method, path.or(event.path), headers, source)
            }
            Self::ApiGatewayV2(mut event) => {
                // In a member of their own.
                let cookies = HeaderValue::try_from(event.cookies.unwrap_or_default().join("; "));
                if let Some(cookies) = cookies.ok().filter(|it| !it.is_empty()) {
                    event.headers.insert(COOKIE, cookies);
                }
                let context = event.request_context;
                let path = event.raw_path.map(|path| without_stage(path, context.stage.as_deref()));
                (context.http.method, path, event.headers, context.http.source_ip)
            }
            // These two have the client's address only in a header, which a client can forge.
            Self::Alb(event) => {
                let headers = all_values(event.headers, event.multi_value_headers);
                (event.http_method, event.path, headers, None)
            }
            Self::VpcLatticeV2(event) => {
                (event.method.unwrap_or_default(), event.path, event.headers, None)
            }
            // Events of features of lambda_http that are off.
            _ => return None,
        };
        *request.method_mut() = method;
        *request.uri_mut() = uri(path.as_deref().unwrap_or_default());
        *request.headers_mut() = headers;
        // The test console of a REST API sends a text that is no address.
        if let Some(address) = source.and_then(|source| source.parse().ok()) {
            request.extensions_mut().insert(PeerAddress(address));
        }
        Some((request, origin))
    }

    /// All our bodies are text, so no encoding is guessed.
    async fn format(
        origin: Option<RequestOrigin>,
        response: Response<Body>,
    ) -> Result<Box<RawValue>, Diagnostic> {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        let response = Response::from_parts(head, lambda_http::Body::Text(body));
        let response = Box::pin(ready(response));
        let origin = origin.unwrap_or(RequestOrigin::ApiGatewayV2);
        let Ok(response) =
            TransformResponse::<String, Infallible>::Response(origin, response).await;
        to_raw_value(&response).map_err(|error| lambda_runtime::Error::from(error).into())
    }
}

/// If a gateway sends both maps, the first has only the last value of each header.
fn all_values(single: HeaderMap, multiple: HeaderMap) -> HeaderMap {
    if multiple.is_empty() { single } else { multiple }
}

/// The path of a request below a REST API: its route, with each parameter in braces replaced by its
/// value. The event's `path` would include the base path of a custom domain.
fn path_of_resource(
    resource: Option<&str>,
    parameters: &HashMap<String, String>,
) -> Option<String> {
    let segment = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        let Some(name) = name else { return Some(segment.to_owned()) };
        parameters.get(name.trim_end_matches('+')).cloned()
    };
    let path = resource?.strip_prefix('/')?.split('/').map(segment);
    Some(format!("/{}", path.collect::<Option<Vec<_>>>()?.join("/")))
}

/// The path of an HTTP API begins with its stage, unless that is the default one.
fn without_stage(path: String, stage: Option<&str>) -> String {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.to_owned(),
        _ => path,
    }
}

/// The characters that a path cannot contain (RFC 3986 section 3.3), except the percent sign.
const NOT_IN_PATHS: AsciiSet = {
    let mut set = CONTROLS.add(b' ');
    let mut rest: &[u8] = b"\"#<>?[\\]^`{|}";
    while let [byte, tail @ ..] = rest {
        (set, rest) = (set.add(*byte), tail);
    }
    set
};

/// The path as a URI. Gateways decode paths.
fn uri(path: &str) -> Uri {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let encoded = format!("{slash}{}", utf8_percent_encode(path, &NOT_IN_PATHS));
    // Only a path that is too long cannot be parsed.
    encoded.parse().unwrap_or(Uri::from_static("/too/long"))
}

/// That no event causes a panic is a property in tests/fuzz.
#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HTTP_API: &str = include_str!("../../../events/validate-200-http-api-stage.json");
    const REST_API: &str = include_str!("../../../events/validate-200-rest-api.json");

    fn read(event: &Value) -> Request<Body> {
        let event: GatewayEvent = serde_json::from_str(&event.to_string()).unwrap();
        event.into_request().unwrap().0
    }

    fn http_api(path: &str, stage: &str) -> Value {
        let mut event: Value = serde_json::from_str(HTTP_API).unwrap();
        event["rawPath"] = path.into();
        event["requestContext"]["stage"] = stage.into();
        event
    }

    fn rest_api(resource: Value, parameters: Value, path: &str) -> Value {
        let mut event: Value = serde_json::from_str(REST_API).unwrap();
        event["path"] = path.into();
        event["resource"] = resource;
        event["pathParameters"] = parameters;
        event
    }

    /// Without a stage or the base path of a custom domain; decoded characters are encoded again. The
    /// contract has more paths through every gateway.
    #[test]
    fn the_path_is_relative_to_the_api() {
        let resource = |name: &str, parameters, path| rest_api(name.into(), parameters, path);
        let url = |path: &str| http_api(path, "$default");
        for (event, expected) in [
            (http_api("/prod", "prod"), "/"),
            (http_api("/login", "prod"), "/login"),
            (http_api("/prod/login", "pro"), "/prod/login"),
            (http_api("/validate/validate", "validate"), "/validate"),
            (rest_api(Value::Null, Value::Null, "/validate/x"), "/validate/x"),
            (resource("/", json!(null), "/auth"), "/"),
            (resource("/{proxy+}", json!({ "proxy": "a/b" }), "/auth/a/b"), "/a/b"),
            (resource("/{which}", json!({ "which": "login" }), "/auth/login"), "/login"),
            // Without the parameter, the event's own path.
            (resource("/{proxy+}", json!({ "other": "login" }), "/auth/login"), "/auth/login"),
            (resource("$default", json!(null), "/login"), "/login"),
            (url("/validate/a%20b"), "/validate/a%20b"),
            (url("/validate/ä?#"), "/validate/%C3%A4%3F%23"),
            (url("/[\"\\]^`{|}\u{7f}"), "/%5B%22%5C%5D%5E%60%7B%7C%7D%7F"),
            (url("/validate/../login"), "/validate/../login"),
            (url("validate"), "/validate"),
            (url(""), "/"),
            (url("//host/validate"), "//host/validate"),
            (url(&format!("/validate/{}", "a".repeat(70_000))), "/too/long"),
        ] {
            assert_eq!(read(&event).uri(), expected, "{event}");
        }
    }

    #[test]
    fn the_source_ip_is_the_peer_if_it_is_an_address() {
        for (source, is_address) in [("2001:db8::1", true), ("test-invoke-source-ip", false)] {
            let mut event: Value = serde_json::from_str(REST_API).unwrap();
            event["requestContext"]["identity"]["sourceIp"] = source.into();
            let peer = read(&event).extensions().get().map(|PeerAddress(it)| it.to_string());
            assert_eq!(peer.as_deref(), is_address.then_some(source));
        }
    }
}
