//! What each form of API is told, by the router and the events, without the runtime.

use std::sync::Arc;

use authorizer::{AuthorizerEvent, router};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{config::TokenConfig, keys::Keys, serve::InvocationEvent};
use tower::ServiceExt;
use validate::ValidateState;

const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/prod/GET/orders/7";
const STAGE: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/prod/*";

fn keys() -> Arc<Keys> {
    Arc::new(Keys::read(&"a key for the tests of the authorizer".into()).expect("a usable key"))
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let signature = keys().signing().and_then(|key| key.sign(message.as_bytes()).ok());
    format!("Bearer {message}.{}", signature.expect("HS256 signs"))
}

fn claims() -> Value {
    json!({ "username": "ada@example.com", "admin": true, "exp": 4_102_444_800_u64, "sub": "7" })
}

/// One event of each form, all asking for the same.
fn events(authorization: &str) -> [(&'static str, Value); 3] {
    let request = json!({
        "type": "REQUEST", "methodArn": ARN, "path": "/orders/7", "httpMethod": "GET",
        "headers": { "Authorization": authorization },
        "multiValueHeaders": { "Authorization": [authorization] },
        "requestContext": { "stage": "prod", "httpMethod": "GET" },
    });
    let http_api = json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "identitySource": [authorization],
        "rawPath": "/prod/orders/7", "headers": { "authorization": authorization },
        "requestContext": { "stage": "prod", "http": { "method": "GET" } },
    });
    let token = json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": authorization });
    [("REST, REQUEST", request), ("HTTP API", http_api), ("REST, TOKEN", token)]
}

async fn answer(event: &Value) -> Value {
    let event: AuthorizerEvent = serde_json::from_str(&event.to_string()).expect("an event");
    let (request, form) = event.into_request();
    let state = ValidateState::new(keys(), TokenConfig::default());
    let response = router(state).oneshot(request).await.expect("an answer");
    let answer = AuthorizerEvent::answer(form, response).await.expect("an answer");
    serde_json::to_value(answer).expect("JSON")
}

fn is_refused(answer: &Value) -> bool {
    match answer.get("isAuthorized") {
        Some(authorized) => *authorized == json!(false) && answer["context"] == json!({}),
        None => {
            answer["policyDocument"]["Statement"]
                == json!([{ "Effect": "Deny", "Action": ["execute-api:Invoke"], "Resource": [STAGE] }])
                && answer["context"] == json!({})
        }
    }
}

#[tokio::test]
async fn an_http_api_gets_the_simple_response_and_a_rest_api_a_policy_for_the_whole_stage() {
    let statement =
        json!([{ "Effect": "Allow", "Action": ["execute-api:Invoke"], "Resource": [STAGE] }]);
    let policy = json!({
        "principalId": "7", "context": claims(),
        "policyDocument": { "Version": "2012-10-17", "Statement": statement },
    });
    for (form, event) in events(&token(&claims())) {
        let simple = json!({ "isAuthorized": true, "context": claims() });
        let expected = if form == "HTTP API" { &simple } else { &policy };
        assert_eq!(answer(&event).await, *expected, "{form}");
    }
}

#[tokio::test]
async fn the_context_is_flat() {
    let mut claims = claims();
    claims["aud"] = json!(["one", "two"]);
    claims["address"] = json!({ "country": "DE" });
    claims["nickname"] = Value::Null;
    for (form, event) in events(&token(&claims)) {
        let context = &answer(&event).await["context"];
        assert_eq!(context["aud"], r#"["one","two"]"#, "{form}");
        assert_eq!(context["address"], r#"{"country":"DE"}"#, "{form}");
        assert_eq!(context.get("nickname"), None, "{form}");
    }
}

#[tokio::test]
async fn what_validate_refuses_is_refused_in_each_form() {
    let good = token(&claims());
    for authorization in [
        String::new(),
        "Bearer garbage".into(),
        format!("{good},{good}"),
        good[..good.len() - 1].into(),
        format!("{good}\n"),
    ] {
        for (form, event) in events(&authorization) {
            assert!(is_refused(&answer(&event).await), "{authorization:?}, {form}");
        }
    }
    let [(_, mut request), ..] = events(&good);
    request["multiValueHeaders"]["authorization"] = json!([good]);
    assert!(is_refused(&answer(&request).await), "a second header");
}

#[tokio::test]
async fn a_token_event_is_judged_by_its_token_alone() {
    let good = token(&claims());
    let [.., (_, mut event)] = events("Bearer garbage");
    event["headers"] = json!({ "Authorization": good });
    assert!(is_refused(&answer(&event).await));
    event["type"] = json!("REQUEST");
    event["authorizationToken"] = json!(good);
    assert!(is_refused(&answer(&event).await), "and it alone by a token");
}

#[tokio::test]
async fn a_token_that_answers_are_not_kept_under_is_refused() {
    let good = token(&claims());
    let [_, (_, mut event), _] = events(&good);
    for (source, refused) in [
        (json!(["session-1"]), true),
        (json!([]), true),
        (json!("session-1"), true),
        (json!(["session-1", good]), false),
        (json!(format!("{good},GET /orders")), false),
        (Value::Null, false),
    ] {
        event["identitySource"] = source;
        assert_eq!(is_refused(&answer(&event).await), refused, "{}", event["identitySource"]);
    }
}

#[tokio::test]
async fn without_keys_it_is_an_error_which_no_gateway_keeps_and_what_is_no_event_is_refused() {
    for (status, expected) in
        [(503, None), (400, Some(json!({ "isAuthorized": false, "context": {} })))]
    {
        let mut response = axum::http::Response::new(axum::body::Body::empty());
        *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a status");
        let answer = AuthorizerEvent::answer(AuthorizerEvent::form_for_others(), response).await;
        let answer = answer.ok().map(|answer| serde_json::to_value(answer).expect("JSON"));
        assert_eq!(answer, expected);
    }
}
