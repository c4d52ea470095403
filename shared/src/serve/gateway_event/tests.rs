//! Events as the gateways write them, and as nobody should.

use axum::http::Response;
use serde_json::{Value, json};

use super::*;

fn event(json: Value) -> GatewayEvent {
    serde_json::from_value(json).unwrap()
}

fn path(json: Value) -> String {
    event(json).received().uri().to_string()
}

#[test]
fn a_stage_in_front_of_the_path_is_taken_off() {
    let v2 = |stage: &str, path: &str| json!({ "version": "2.0", "rawPath": path, "requestContext": { "stage": stage } });
    for (event, expected) in [
        (v2("$default", "/login"), "/login"),
        (v2("prod", "/prod/login"), "/login"),
        (v2("prod", "/prod"), "/"),
        (v2("prod", "/prod/"), "/"),
        (v2("prod", "/login"), "/login"),
        (v2("pro", "/prod/login"), "/prod/login"),
        (v2("validate", "/validate/validate"), "/validate"),
        (
            json!({ "path": "/validate/x", "requestContext": { "stage": "validate" } }),
            "/validate/x",
        ),
    ] {
        assert_eq!(path(event.clone()), expected, "{event}");
    }
}

#[test]
fn the_base_path_of_a_custom_domain_is_no_part_of_the_path() {
    for (resource, parameters, path_of_event, expected) in [
        ("/login", json!(null), "/auth/login", "/login"),
        ("/", json!(null), "/auth", "/"),
        ("/{proxy+}", json!({ "proxy": "login" }), "/auth/login", "/login"),
        ("/validate/{rest+}", json!({ "rest": "a/b" }), "/auth/validate/a/b", "/validate/a/b"),
        ("/{which}", json!({ "which": "login" }), "/auth/login", "/login"),
        ("/login", json!(null), "/login", "/login"),
        // What the event does not say is not made up.
        ("/{proxy+}", json!(null), "/auth/login", "/auth/login"),
        ("/{proxy+}", json!({ "other": "login" }), "/auth/login", "/auth/login"),
        ("$default", json!(null), "/login", "/login"),
    ] {
        let event = json!({
            "resource": resource, "pathParameters": parameters, "path": path_of_event,
            "requestContext": { "resourcePath": resource, "stage": "prod" },
        });
        assert_eq!(path(event), expected, "{resource} {path_of_event}");
    }
}

#[test]
fn a_decoded_path_is_encoded_again() {
    for (given, expected) in [
        ("/validate/a b", "/validate/a%20b"),
        ("/validate/a%20b", "/validate/a%20b"),
        ("/validate/ä?#", "/validate/%C3%A4%3F%23"),
        ("validate", "/validate"),
        ("", "/"),
        ("//host/validate", "//host/validate"),
    ] {
        assert_eq!(path(json!({ "rawPath": given })), expected);
    }
}

#[test]
fn every_value_of_a_header_arrives() {
    let event = event(json!({
        "headers": { "Authorization": "Basic b" },
        "multiValueHeaders": { "Authorization": ["Basic a", "Basic b"] },
    }));
    let request = event.received();
    assert_eq!(request.headers().get_all("authorization").iter().count(), 2);

    let spelled = json!({ "headers": { "Authorization": "Basic a", "authorization": "Basic b" } });
    let request = self::event(spelled).received();
    assert_eq!(request.headers().get_all("authorization").iter().count(), 2);
}

#[test]
fn an_unusable_header_neither_fails_the_event_nor_vanishes() {
    let event = event(json!({ "headers": {
        "Authorization": "Basic a\r\nX-Admin: 1", "bad name": "x", "Host": "a b", "X-Name": "é",
    } }));
    let request = event.received();
    assert_eq!(request.headers()["authorization"], "");
    assert_eq!(request.headers().len(), 3);
}

#[test]
fn an_event_may_lack_everything() {
    let request = event(json!({})).received();
    assert_eq!((request.method(), request.uri().path()), (&Method::GET, "/"));
    let nothing = json!({ "headers": null, "multiValueHeaders": null, "requestContext": null });
    assert!(event(nothing).received().headers().is_empty());
}

fn peer(json: Value) -> Option<String> {
    let request = event(json).received();
    request.extensions().get().map(|PeerAddress(address)| address.to_string())
}

#[test]
fn the_peer_is_who_called_the_gateway_and_never_a_header() {
    let http = |source: Value| json!({ "version": "2.0", "requestContext": { "http": { "method": "GET", "sourceIp": source } } });
    let identity = |source: Value| json!({ "path": "/", "requestContext": { "identity": { "sourceIp": source } } });
    for form in [&http as &dyn Fn(Value) -> Value, &identity] {
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(peer(form(json!(address))).as_deref(), Some(address));
        }
        for garbage in [
            json!("test-invoke-source-ip"),
            json!("192.0.2.1, 192.0.2.2"),
            json!(""),
            json!(null),
            json!(1),
            json!(["192.0.2.1"]),
        ] {
            let event = form(garbage);
            assert_eq!(peer(event.clone()), None, "{event}");
        }
    }
    let headers = json!({ "x-forwarded-for": "192.0.2.1", "forwarded": "for=192.0.2.1" });
    for context in [json!({ "elb": { "targetGroupArn": "arn" } }), json!({ "identity": {} })] {
        assert_eq!(peer(json!({ "headers": headers, "requestContext": context })), None);
    }
}

async fn answered(event_json: Value) -> Value {
    let form = event(event_json).form();
    let response = Response::builder().status(403).header("x-a", "b").body(Body::from("no"));
    serde_json::to_value(form.answer(response.unwrap()).await).unwrap()
}

#[tokio::test]
async fn each_gateway_is_answered_in_its_form() {
    let headers = json!({ "x-a": "b" });
    let rest =
        json!({ "statusCode": 403, "headers": headers, "body": "no", "isBase64Encoded": false });
    let with = |name: &str, value: Value| {
        let mut answer = rest.clone();
        answer[name] = value;
        answer
    };
    let described = json!("403 Forbidden");
    assert_eq!(answered(json!({ "headers": {}, "multiValueHeaders": {} })).await, rest, "REST");
    assert_eq!(
        answered(json!({ "version": "2.0", "headers": {} })).await,
        with("cookies", json!([])),
        "2.0"
    );
    let elb = json!({ "elb": { "targetGroupArn": "arn" } });
    assert_eq!(
        answered(json!({ "headers": {}, "requestContext": elb })).await,
        with("statusDescription", described.clone()),
        "a load balancer"
    );
    assert_eq!(
        answered(json!({ "multiValueHeaders": {}, "requestContext": elb })).await,
        json!({
            "statusCode": 403, "statusDescription": described, "body": "no",
            "multiValueHeaders": { "x-a": ["b"] }, "isBase64Encoded": false,
        }),
        "a load balancer with multi-value headers"
    );
}
