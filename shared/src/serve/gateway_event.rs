//! Events of the gateways that call a Lambda function, as requests, and the answers
//! they expect.
//!
//! One type reads them all: function URLs and API Gateway HTTP APIs (payload 2.0), API
//! Gateway REST APIs, and Application Load Balancers. Every member may be missing, so
//! that no event of theirs fails to be read. Bodies and queries are not looked at.
//!
//! This is our own because `lambda_http` keeps only the last of several headers of one
//! name in REST and ALB events, where a second `Authorization` must be seen to be
//! refused, and panics on a `Host` or `X-Forwarded-Proto` that makes no URL.

mod response;

pub use response::{GatewayAnswer, GatewayForm};

use std::{collections::HashMap, convert::Infallible, fmt::Write, net::IpAddr};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri},
};
use serde::{Deserialize, Deserializer};

use super::{InvocationEvent, PeerAddress};

/// An event of any of the gateways.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct GatewayEvent {
    version: Option<String>,
    raw_path: Option<String>,
    path: Option<String>,
    /// Payload 1.0: the route, such as `/login` or `/validate/{proxy+}`,
    resource: Option<String>,
    /// and what stands in the path for what is in braces.
    path_parameters: Option<HashMap<String, String>>,
    http_method: Option<String>,
    headers: Option<HashMap<String, String>>,
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
    request_context: Option<RequestContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct RequestContext {
    stage: Option<String>,
    http: Option<HttpContext>,
    /// Payload 1.0: who called.
    identity: Option<Identity>,
    /// Only a load balancer sends it.
    elb: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    method: Option<String>,
    #[serde(default, deserialize_with = "address")]
    source_ip: Option<IpAddr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default, deserialize_with = "address")]
    source_ip: Option<IpAddr>,
}

/// What is no address is none: the console's test of a REST API has a text in its place.
fn address<'de, D: Deserializer<'de>>(value: D) -> Result<Option<IpAddr>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

impl InvocationEvent for GatewayEvent {
    type Form = GatewayForm;
    type Answer = GatewayAnswer;
    type Error = Infallible;

    fn into_request(self) -> (Request<Body>, GatewayForm) {
        let form = self.form();
        (self.received(), form)
    }

    async fn answer(
        form: GatewayForm,
        response: Response<Body>,
    ) -> Result<GatewayAnswer, Infallible> {
        Ok(form.answer(response).await)
    }

    fn answer_unreadable() -> Result<GatewayAnswer, Infallible> {
        Ok(GatewayAnswer::bad_request())
    }
}

impl GatewayEvent {
    /// The request that the gateway received.
    fn received(self) -> Request<Body> {
        let uri = match self.path_of_resource() {
            Some(path) => path_to_uri(&path),
            None => path_to_uri(self.path_without_stage()),
        };
        let mut request = Request::new(Body::empty());
        if let Some(peer) = self.peer() {
            request.extensions_mut().insert(peer);
        }
        *request.method_mut() = self.method();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.into_headers();
        request
    }

    /// How the gateway wants to be answered.
    fn form(&self) -> GatewayForm {
        GatewayForm {
            multi_value: self.headers.is_none() && self.multi_value_headers.is_some(),
            described: self.request_context.as_ref().is_some_and(|context| context.elb.is_some()),
            cookies: self.is_payload_2(),
        }
    }

    /// Whether an HTTP API or a function URL sent it: they call this payload format 2.0.
    #[must_use]
    pub fn is_payload_2(&self) -> bool {
        self.version.as_deref() == Some("2.0")
    }

    fn method(&self) -> Method {
        let context = self.request_context.as_ref().and_then(|context| context.http.as_ref());
        let method = context.and_then(|http| http.method.as_deref());
        let method = method.or(self.http_method.as_deref()).unwrap_or("GET");
        Method::from_bytes(method.as_bytes()).unwrap_or_default()
    }

    /// Who called the gateway, by its own word. A load balancer says it in a header alone,
    /// which anybody can send.
    fn peer(&self) -> Option<PeerAddress> {
        let context = self.request_context.as_ref()?;
        let http = context.http.as_ref().and_then(|http| http.source_ip);
        let identity = || context.identity.as_ref().and_then(|identity| identity.source_ip);
        http.or_else(identity).map(PeerAddress)
    }

    /// A REST API's path within the API. Its `path` begins with the base path of a custom
    /// domain, where there is one.
    fn path_of_resource(&self) -> Option<String> {
        let resource = self.resource.as_deref()?;
        let parameters = self.path_parameters.as_ref();
        let segment = |segment: &str| {
            let name = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            let Some(name) = name else { return Some(segment.to_owned()) };
            parameters?.get(name.trim_end_matches('+')).cloned()
        };
        let path = resource.strip_prefix('/')?.split('/').map(segment);
        Some(format!("/{}", path.collect::<Option<Vec<_>>>()?.join("/")))
    }

    /// Payload 2.0 has a named stage in front of the path; REST events do not.
    fn path_without_stage(&self) -> &str {
        let path = self.raw_path.as_deref().or(self.path.as_deref()).unwrap_or("/");
        let stage = self.request_context.as_ref().and_then(|context| context.stage.as_deref());
        let (true, Some(stage)) = (self.is_payload_2(), stage) else { return path };
        match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(stage)) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    /// All values of all headers: the multi-value form where there is one, since the
    /// other keeps the last value only.
    fn into_headers(self) -> HeaderMap {
        let single =
            self.headers.unwrap_or_default().into_iter().map(|(name, value)| (name, vec![value]));
        let pairs: HashMap<String, Vec<String>> = match self.multi_value_headers {
            Some(multiple) => multiple,
            None => single.collect(),
        };
        let mut headers = HeaderMap::new();
        for (name, values) in pairs {
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            for value in values {
                // A value that fits no header cannot have come from HTTP, but a header
                // must not vanish for it either: it stays, unusable.
                let value = HeaderValue::from_str(&value);
                // More headers than a map holds cannot have come from HTTP.
                let _ = headers.try_append(&name, value.unwrap_or(HeaderValue::from_static("")));
            }
        }
        headers
    }
}

/// The path as a URI. Gateways decode paths, so what cannot stand in a URI is encoded
/// (RFC 3986 section 3.3).
fn path_to_uri(path: &str) -> Uri {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    // Only a path that is too long does not fit: no path of ours.
    encoded.parse().unwrap_or(Uri::from_static("/too/long"))
}

#[cfg(test)]
mod tests;
