//! The response to each kind of event, without the Lambda runtime.

use std::sync::Arc;

use authorizer::{AuthorizerEvent, router};
use axum::{body::Body, http::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{config::VerifyConfig, keys::Keys, serve::InvocationEvent, token::TokenVerifier};
use tower::ServiceExt;

const STAGE: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/prod/*";

fn keys() -> Arc<Keys> {
    Arc::new(Keys::read(&"a key for the tests of the authorizer".into()).expect("a usable key"))
}

fn bearer(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let signature = keys().signing().and_then(|key| key.sign(message.as_bytes()).ok());
    format!("Bearer {message}.{}", signature.expect("HS256 signs"))
}

fn claims() -> Value {
    json!({ "username": "ada@example.com", "admin": true, "exp": 4_102_444_800_u64, "sub": "7" })
}

/// The sample events of an HTTP API, and of a REST API with the types `REQUEST` and `TOKEN`.
fn events(authorization: &str) -> [Value; 3] {
    [
        include_str!("../../../events/authorizer-allow-http-api.json"),
        include_str!("../../../events/authorizer-allow-rest-request.json"),
        include_str!("../../../events/authorizer-allow-rest-token.json"),
    ]
    .map(|event| {
        let event = event.replace("\"Bearer ${TOKEN}\"", &json!(authorization).to_string());
        serde_json::from_str(&event).expect("JSON")
    })
}

/// The responses for an HTTP API and a REST API, with these claims or for a refusal.
fn responses(claims: Option<Value>) -> [Value; 2] {
    let is_authorized = claims.is_some();
    let (effect, user) = if is_authorized { ("Allow", "7") } else { ("Deny", "nobody") };
    let context = claims.unwrap_or_else(|| json!({}));
    let statement =
        json!({ "Effect": effect, "Action": ["execute-api:Invoke"], "Resource": [STAGE] });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    [
        json!({ "isAuthorized": is_authorized, "context": context }),
        json!({ "principalId": user, "context": context, "policyDocument": policy }),
    ]
}

async fn respond(event: &Value) -> Value {
    let event: AuthorizerEvent = serde_json::from_str(&event.to_string()).expect("an event");
    let (request, format) = event.into_request().expect("a request");
    let config = VerifyConfig { cookie: Some("token".into()), ..VerifyConfig::default() };
    let router = router(TokenVerifier::new(keys(), config));
    let response = router.oneshot(request).await.expect("a response");
    let response = AuthorizerEvent::format(format, response).await.expect("a response");
    serde_json::to_value(response).expect("JSON")
}

async fn is_refused(event: &Value) -> bool {
    responses(None).contains(&respond(event).await)
}

#[tokio::test]
async fn an_http_api_gets_a_simple_response_and_a_rest_api_a_policy_for_its_stage_with_claims() {
    let (mut claims, mut flat) = (claims(), claims());
    claims["aud"] = json!(["one", "two"]);
    flat["aud"] = r#"["one","two"]"#.into();
    claims["address"] = json!({ "country": "DE" });
    flat["address"] = r#"{"country":"DE"}"#.into();
    claims["nickname"] = Value::Null;
    let [simple, policy] = responses(Some(flat));
    for (event, expected) in events(&bearer(&claims)).iter().zip([&simple, &policy, &policy]) {
        assert_eq!(respond(event).await, *expected);
    }
}

#[tokio::test]
async fn what_validate_refuses_is_refused_in_each_form_and_a_token_event_has_its_token_alone() {
    let good = bearer(&claims());
    let (twice, cut, ended) =
        (format!("{good},{good}"), &good[..good.len() - 1], format!("{good}\n"));
    let bad = ["", "Bearer garbage", &twice, cut, &ended];
    let mut refused: Vec<_> = bad.into_iter().flat_map(events).collect();
    // In another case of its name: the only test that reads both spellings.
    let [_, mut second_header, _] = events(&good);
    second_header["multiValueHeaders"]["authorization"] = json!([good]);
    let [.., mut with_header] = events("Bearer garbage");
    with_header["headers"] = json!({ "Authorization": good });
    let [.., mut of_another_type] = events(&good);
    of_another_type["type"] = json!("REQUEST");
    refused.extend([second_header, with_header, of_another_type]);
    for event in refused {
        assert!(is_refused(&event).await, "{event}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_in_the_identity_source_is_refused() {
    let good = bearer(&claims());
    let [mut event, ..] = events(&good);
    for (source, refused) in [
        (json!(["session-1"]), true),
        (json!([]), true),
        (json!("session-1"), true),
        (json!(["session-1", good]), false),
        (json!(format!("{good},GET /orders")), false),
        (Value::Null, false),
    ] {
        event["identitySource"] = source;
        assert_eq!(is_refused(&event).await, refused, "{}", event["identitySource"]);
    }
}

#[tokio::test]
async fn a_token_in_a_cookie_is_refused_whatever_the_identity_source() {
    let token = bearer(&claims()).replace("Bearer ", "token=");
    let [http_api, rest_api, _] = events("");
    for mut event in [http_api, rest_api] {
        event["headers"] = json!({ "cookie": token });
        event["multiValueHeaders"] = json!({ "cookie": [token] });
        event["cookies"] = json!([token]);
        for source in [json!([token]), Value::Null] {
            event["identitySource"] = source;
            assert!(is_refused(&event).await, "{event}");
        }
    }
}

#[tokio::test]
async fn without_keys_it_is_an_error_which_is_not_cached_and_what_is_no_event_is_refused() {
    let [refused, _] = responses(None);
    for (status, expected) in [(503, None), (400, Some(refused))] {
        let response = Response::builder().status(status).body(Body::empty()).expect("a status");
        let output = AuthorizerEvent::format(None, response).await;
        let output = output.ok().map(|output| serde_json::to_value(output).expect("JSON"));
        assert_eq!(output, expected);
    }
}
