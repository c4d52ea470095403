//! Lambda events: the router sees the method and every header of the event, and its answer comes
//! back whole.

use std::sync::{Arc, LazyLock, Mutex};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, Method, Request, StatusCode},
};
use serde_json::Value;
use shared::{
    config::TokenConfig,
    secrets::Secrets,
    serve::{GatewayEvent, InvocationEvent, Parts, Service},
};
use tokio::runtime::Runtime;
use validate::ValidateState;

use crate::token::{KEYS, object};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// The input is an event, as the runtime gets it from Lambda.
pub(crate) fn lambda_event(input: &[u8]) {
    let Ok(read) = serde_json::from_slice::<GatewayEvent>(input) else { return };
    let (method, has_both_headers) = match &read {
        GatewayEvent::ApiGatewayV2(_) => ("/requestContext/http/method", false),
        GatewayEvent::VpcLatticeV2(_) => ("/method", false),
        _ => ("/httpMethod", true),
    };
    let (request, answer) = answered_by_echo(read);
    // Where a member is doubled, it is open which of the two counts.
    if let Some(mut event) = object(input).map(Value::Object) {
        if !has_both_headers {
            event["multiValueHeaders"].take();
        }
        headers_arrive(&event, &request);
        let given = event.pointer(method).and_then(Value::as_str);
        let method = given.and_then(|name| name.parse().ok()).unwrap_or(Method::GET);
        assert_eq!(*request.method(), method);
        let uri = request.uri();
        assert!(uri.path().starts_with('/') && uri.query().is_none() && uri.authority().is_none());
        assert_eq!(answer["statusCode"], 403);
        let body = if method == Method::HEAD { String::new() } else { echo(&request) };
        assert_eq!(answer["body"], body);
    }
    validate_answers(serde_json::from_slice(input).expect("what was read before"));
}

/// The request that the router saw, and what came back.
fn answered_by_echo(event: GatewayEvent) -> (Request<Body>, Value) {
    let seen = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&seen);
    let router = Router::new().fallback(async move |request: Request<Body>| {
        let body = echo(&request);
        *kept.lock().expect("no panic before") = Some(request);
        (StatusCode::FORBIDDEN, body)
    });
    let answer = answer(router, event);
    let request = seen.lock().expect("no panic before").take();
    (request.expect("every event is a request"), answer)
}

fn echo(request: &Request<Body>) -> String {
    format!("{} {:?} \"\\\u{0}\u{2028}ä", request.method(), request.uri())
}

fn answer(router: Router, event: GatewayEvent) -> Value {
    let keys = KEYS.clone().into();
    let parts = Parts { router, keys, secrets: Secrets::default(), database: None };
    let service = Service::new(parts, None, None);
    let (request, form) = event.into_request();
    let answer = RUNTIME.block_on(async {
        GatewayEvent::answer(form, service.answer(request).await).await.expect("always one")
    });
    serde_json::from_str(answer.get()).expect("JSON")
}

/// As many values of each name as the event has, each as it is.
fn headers_arrive(event: &Value, request: &Request<Body>) {
    let has_values = |values: &Value| values.as_array().is_none_or(|values| !values.is_empty());
    let multiple = event["multiValueHeaders"].as_object();
    let multiple = multiple.filter(|members| members.values().any(has_values));
    let members = multiple.or(event["headers"].as_object()).into_iter().flatten();
    let mut expected: Vec<(HeaderName, &[u8])> = Vec::new();
    for (name, values) in members {
        let name: HeaderName = name.parse().expect("else it was not read");
        // A single value stands for all that came: of two spellings it is open which.
        if values.is_string() && expected.iter().any(|(other, _)| *other == name) {
            return;
        }
        let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        for value in values {
            // A list of numbers is taken for a value as well.
            let Some(value) = value.as_str() else { return };
            expected.push((name.clone(), value.as_bytes()));
        }
    }
    let headers = request.headers().iter();
    let mut arrived: Vec<_> =
        headers.map(|(name, value)| (name.clone(), value.as_bytes())).collect();
    let order = |(name, value): &(HeaderName, &[u8])| (name.to_string(), value.to_vec());
    expected.sort_by_key(order);
    arrived.sort_by_key(order);
    assert_eq!(arrived, expected);
}

/// `validate` answers any event of a gateway with a status of the contract, and names the
/// user on every 200.
fn validate_answers(event: GatewayEvent) {
    let state = ValidateState::new(KEYS.clone(), TokenConfig::default());
    let answer = answer(validate::router(state), event);
    let status = answer["statusCode"].as_u64().expect("a number");
    assert!([200, 401, 403, 404, 405].contains(&status), "{answer}");
    let is_of_a_user = answer.to_string().contains("x-auth-request-user");
    let is_of_keys = answer["body"] == KEYS.public_set();
    assert_eq!(status == 200, is_of_a_user || is_of_keys, "{answer}");
}
