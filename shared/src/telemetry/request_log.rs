//! The log line of each request, and its outcome.

use std::{borrow::Cow, fmt::Display, sync::Arc, time::Instant};

use axum::{
    body::Body,
    http::{Method, Request, Response, Uri},
};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use uuid::Builder;

use super::RequestCounter;

/// What is logged about a response, to which `respond` attaches it; clients do not see it.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    /// The verified user, if there is one.
    pub user_id: Option<Arc<str>>,
    /// The reason of a refusal.
    pub reason: Option<Cow<'static, str>>,
}

impl Cause {
    /// A cause without a user.
    pub fn new(reason: impl Display) -> Self {
        Self { user_id: None, reason: Some(reason.to_string().into()) }
    }
}

/// The outcome of a request in logs and metrics, by a name from the OWASP logging vocabulary if it
/// has one. The set is closed, so the number of counters is bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome(pub(super) &'static str);

impl Outcome {
    pub(crate) const LOGIN_SUCCESS: Self = Self("authn_login_success");
    pub(crate) const LOGIN_FAIL: Self = Self("authn_login_fail");
    pub(crate) const LOGIN_FAIL_MAX: Self = Self("authn_login_fail_max");
    pub(crate) const TOKEN_VERIFIED: Self = Self("authn_token_verified");
    pub(crate) const AUTHZ_FAIL: Self = Self("authz_fail");
    pub(crate) const KEY_SET: Self = Self("key_set");
    pub(crate) const OPENID_CONFIGURATION: Self = Self("openid_configuration");
    pub(crate) const CREDENTIALS_MISSING: Self = Self("authn_credentials_missing");
    pub(crate) const SERVICE_UNAVAILABLE: Self = Self("service_unavailable");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self("method_not_allowed");
    pub(crate) const NOT_FOUND: Self = Self("not_found");
    pub(super) const CLIENT_CLOSED_REQUEST: Self = Self("client_closed_request");
}

/// The longest request id that is accepted, in bytes.
const MAX_ID_BYTES: usize = 128;
/// Longer paths are truncated in the log, in bytes.
const MAX_PATH_BYTES: usize = 256;

/// Whether a request id is short and has only harmless characters.
fn is_usable(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(&byte);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)
}

/// A random UUID. No security depends on it, so it needs no system call.
fn random_id() -> String {
    Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid().into()
}

/// The trace id of a `traceparent` header of version 00 (W3C Trace Context, section 3.2).
fn w3c_trace_id(traceparent: &str) -> Option<&str> {
    let [version, trace, parent, _flags] = hex_fields(traceparent, [2, 32, 16, 2])?;
    let is_id = |field: &str| field.bytes().any(|digit| digit != b'0');
    (version == "00" && is_id(trace) && is_id(parent)).then_some(trace)
}

/// The trace id of AWS X-Ray's tracing header, such as `Root=1-5759e988-bd862e3fe1be46a994272793`.
fn xray_trace_id(header: &str) -> Option<&str> {
    let id = header.split(';').find_map(|field| field.trim().strip_prefix("Root="))?;
    let [version, ..] = hex_fields(id, [1, 8, 24])?;
    (version == "1").then_some(id)
}

/// The fields between hyphens, if each has as many lower-case hexadecimal digits as given here.
fn hex_fields<const N: usize>(text: &str, digits: [usize; N]) -> Option<[&str; N]> {
    let fields: [&str; N] = text.splitn(N + 1, '-').collect::<Vec<_>>().try_into().ok()?;
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_hex =
        |(field, digits): (&&str, usize)| field.len() == digits && field.bytes().all(is_digit);
    fields.iter().zip(digits).all(is_hex).then_some(fields)
}

/// A request that is being handled. It is logged and counted when this is dropped.
pub(crate) struct RequestLog {
    counter: Option<RequestCounter>,
    start: Instant,
    /// `None` if it is longer than any registered method.
    method: Option<Method>,
    uri: Uri,
    /// `None` if the request has none: the line then gets one.
    id: Option<String>,
    trace_id: Option<String>,
    /// Until there is one, that of a client that disconnects, with nginx's status 499.
    response: (u16, Option<Outcome>, Cause),
}

impl RequestLog {
    /// Starts the clock. The request id is Lambda's, or the value of `X-Request-Id`. The trace is that
    /// of `traceparent` or `X-Amzn-Trace-Id`, or Lambda's.
    pub(crate) fn start(request: &Request<Body>, counter: Option<RequestCounter>) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let lambda = request.extensions().get::<lambda_runtime::Context>();
        let id = lambda.map(|context| &*context.request_id).filter(|id| is_usable(id));
        let id = id.or_else(|| header("x-request-id").filter(|id| is_usable(id)));
        let trace_id = header("traceparent").and_then(w3c_trace_id);
        let trace_id = trace_id.or_else(|| header("x-amzn-trace-id").and_then(xray_trace_id));
        let trace_id = trace_id.or_else(|| xray_trace_id(lambda?.xray_trace_id.as_deref()?));
        let method = Some(request.method()).filter(|name| name.as_str().len() <= 20);
        Self {
            counter,
            start: Instant::now(),
            method: method.cloned(),
            uri: request.uri().clone(),
            id: id.map(str::to_owned),
            trace_id: trace_id.map(str::to_owned),
            response: (499, Some(Outcome::CLIENT_CLOSED_REQUEST), Cause::default()),
        }
    }

    /// Writes the log line, and returns the response.
    pub(crate) fn finish(mut self, mut response: Response<Body>) -> Response<Body> {
        let (status, extensions) = (response.status().as_u16(), response.extensions_mut());
        let (outcome, cause) = (extensions.remove::<Outcome>(), extensions.remove::<Cause>());
        self.response = (status, outcome, cause.unwrap_or_default());
        response
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let (status, outcome, cause) = &self.response;
        if let (Some(counter), Some(outcome)) = (self.counter, outcome) {
            counter.counter(*outcome).increment(1);
        }
        let duration_ms = self.start.elapsed().as_secs_f64() * 1000.0;
        let path = self.uri.path();
        let path = &path[..path.floor_char_boundary(MAX_PATH_BYTES)];
        // RFC 3986 section 2.1. JSON alone would not escape characters such as U+0085 and U+2028.
        let path: Cow<'_, str> = utf8_percent_encode(path, CONTROLS).into();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = self.method.as_ref().map_or("OTHER", Method::as_str),
                    path = &*path,
                    status,
                    duration_ms = (duration_ms * 1000.0).round() / 1000.0,
                    request_id = self.id.clone().unwrap_or_else(random_id),
                    trace_id = self.trace_id,
                    outcome = outcome.map(|outcome| outcome.0),
                    user_id = cause.user_id.as_deref(),
                    reason = cause.reason.as_deref(),
                    "request"
                )
            };
        }
        if *status == 503 {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_accepted_if_it_is_short_and_harmless() {
        let long = "x".repeat(129);
        assert!(is_usable("1-a:B=/+_.@") && is_usable(&long[1..]));
        for id in ["", "a b", "a\nb", "a\"b", "ä", &long] {
            assert!(!is_usable(id), "{id}");
        }
    }

    #[test]
    fn a_trace_id_is_accepted_only_in_the_form_of_its_specification() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        assert_eq!(w3c_trace_id(&format!("00-{trace}-{span}-01")), Some(trace));
        for text in [
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-x"),
            format!("01-{trace}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{:032}-{span}-01", 0),
            format!("00-{trace}-{:016}-01", 0),
            format!("00-{trace}-{span}-0g"),
        ] {
            assert_eq!(w3c_trace_id(&text), None, "{text}");
        }

        let root = "1-5759e988-bd862e3fe1be46a994272793";
        for text in [format!("Root={root};Sampled=1"), format!("Self=1-1-1; Root={root}")] {
            assert_eq!(xray_trace_id(&text), Some(root), "{text}");
        }
        for text in [root, "Root=1-5759e988-bd862e3f", &format!("Root=2{}", &root[1..])] {
            assert_eq!(xray_trace_id(text), None, "{text}");
        }
    }
}
