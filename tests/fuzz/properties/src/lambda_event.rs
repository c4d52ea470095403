//! Lambda events: the router sees the method and every header of the event, and its answer comes
//! back whole.

use std::sync::{Arc, LazyLock, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, StatusCode},
};
use serde_json::{Value, json, value::RawValue};
use shared::{
    config::TokenConfig,
    serve::{GatewayEvent, Health, Service, answer_event},
};
use tokio::runtime::Runtime;
use validate::ValidateState;

use crate::token::{KEYS, object};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// The input is an event, as the runtime gets it from Lambda.
pub(crate) fn lambda_event(input: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(input) else { return };
    let (seen, answer) = answered_by_echo(raw.clone());
    let Some(request) = seen else {
        let refusal = json!({
            "statusCode": 400, "body": "bad request", "isBase64Encoded": false,
        });
        assert_eq!(answer, refusal);
        return;
    };
    // Where a member is doubled, it is open which of the two counts.
    if let Some(event) = object(input).map(Value::Object) {
        headers_arrive(&event, &request);
        let context = &event["requestContext"];
        let given = context["http"]["method"].as_str().or(event["httpMethod"].as_str());
        let method = given.and_then(|name| name.parse().ok()).unwrap_or(Method::GET);
        assert_eq!(*request.method(), method);
        let uri = request.uri();
        assert!(uri.path().starts_with('/') && uri.query().is_none() && uri.authority().is_none());
        assert_eq!(answer["statusCode"], 403);
        let body = if method == Method::HEAD { String::new() } else { echo(&request) };
        assert_eq!(answer["body"], body);
    }
    validate_answers(raw);
}

/// The request that the router saw, and what came back.
fn answered_by_echo(event: Box<RawValue>) -> (Option<Request<Body>>, Value) {
    let seen = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&seen);
    let router = Router::new().fallback(async move |request: Request<Body>| {
        let body = echo(&request);
        *kept.lock().expect("no panic before") = Some(request);
        (StatusCode::FORBIDDEN, body)
    });
    let answer = answer(router, event);
    let request = seen.lock().expect("no panic before").take();
    (request, answer)
}

fn echo(request: &Request<Body>) -> String {
    format!("{} {:?} \"\\\u{0}\u{2028}ä", request.method(), request.uri())
}

fn answer(router: Router, event: Box<RawValue>) -> Value {
    let service = Service::new(router, Health::new(KEYS.clone().into(), None));
    RUNTIME.block_on(answer_event::<GatewayEvent>(&service, event)).expect("always one")
}

/// As many values of each name as the event has, each as it is or else empty.
fn headers_arrive(event: &Value, request: &Request<Body>) {
    let members = match &event["multiValueHeaders"] {
        Value::Null => &event["headers"],
        multiple => multiple,
    };
    let mut expected: Vec<(HeaderName, Vec<u8>)> = Vec::new();
    for (name, values) in members.as_object().into_iter().flatten() {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        for value in values.iter().filter_map(Value::as_str) {
            let fits = HeaderValue::from_bytes(value.as_bytes()).is_ok();
            let value = if fits { value.as_bytes().to_vec() } else { Vec::new() };
            expected.push((name.clone(), value));
        }
    }
    let headers = request.headers().iter();
    let mut arrived: Vec<_> =
        headers.map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
    let order = |(name, value): &(HeaderName, Vec<u8>)| (name.to_string(), value.clone());
    expected.sort_by_key(order);
    arrived.sort_by_key(order);
    assert_eq!(arrived, expected);
}

/// `validate` answers any event of a gateway with a status of the contract, and names the
/// user on every 200.
fn validate_answers(event: Box<RawValue>) {
    let state = ValidateState::new(KEYS.clone(), TokenConfig::default());
    let answer = answer(validate::router(state), event);
    let status = answer["statusCode"].as_u64().expect("a number");
    assert!([200, 401, 403, 404, 405].contains(&status), "{answer}");
    let is_of_a_user = answer.to_string().contains("x-auth-request-user");
    let is_of_keys = answer["body"] == KEYS.public_set();
    assert_eq!(status == 200, is_of_a_user || is_of_keys, "{answer}");
}
