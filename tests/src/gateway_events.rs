//! Requests as the events that AWS's gateways make of them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::contract::ContractRequest;

/// A gateway that calls Lambda functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// A function URL: payload 2.0.
    FunctionUrl,
    /// An API Gateway HTTP API with a named stage: payload 2.0, the stage in the path.
    HttpApi,
    /// An API Gateway REST API: payload 1.0.
    RestApi,
    /// An Application Load Balancer.
    LoadBalancer,
    /// An Application Load Balancer with multi-value headers switched on.
    LoadBalancerMultiValue,
}

impl Gateway {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::FunctionUrl,
        Self::HttpApi,
        Self::RestApi,
        Self::LoadBalancer,
        Self::LoadBalancerMultiValue,
    ];

    /// Whether two headers of one name reach a function at all: a load balancer gives
    /// the last one only unless it is told otherwise.
    #[must_use]
    pub fn gives_all_values(self) -> bool {
        self != Self::LoadBalancer
    }

    /// The event for this request.
    #[must_use]
    pub fn event(self, request: &ContractRequest) -> Value {
        match self {
            Self::FunctionUrl => payload_2(request, "$default"),
            Self::HttpApi => payload_2(request, "prod"),
            Self::RestApi => json!({
                "resource": "/{proxy+}", "path": request.path, "httpMethod": request.method,
                "headers": last_values(request), "multiValueHeaders": all_values(request),
                "queryStringParameters": null, "multiValueQueryStringParameters": null,
                "pathParameters": { "proxy": request.path.trim_start_matches('/') }, "stageVariables": null,
                "requestContext": {
                    "accountId": "123456789012", "apiId": "id", "stage": "prod",
                    "httpMethod": request.method, "path": format!("/prod{}", request.path),
                    "protocol": "HTTP/1.1", "requestId": "c6af9ac6", "resourcePath": "/{proxy+}",
                    "identity": { "sourceIp": "192.0.2.1" },
                },
                "body": null, "isBase64Encoded": false,
            }),
            Self::LoadBalancer => load_balancer(request, "headers", last_values(request)),
            Self::LoadBalancerMultiValue => {
                load_balancer(request, "multiValueHeaders", all_values(request))
            }
        }
    }
}

/// Headers in lower case, values of one name joined by a comma; the path decoded.
fn payload_2(request: &ContractRequest, stage: &str) -> Value {
    let prefix = if stage == "$default" { String::new() } else { format!("/{stage}") };
    let path = format!("{prefix}{}", request.path.replace("%20", " "));
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value);
        let joined = match headers.get(*name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        headers.insert((*name).into(), joined.into());
    }
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "id", "domainName": "id.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "id", "requestId": "c6af9ac6", "routeKey": "$default", "stage": stage,
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            "http": {
                "method": request.method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "test",
            },
        },
        "body": STANDARD.encode("ignored"), "isBase64Encoded": true,
    })
}

fn load_balancer(request: &ContractRequest, member: &str, headers: Value) -> Value {
    let arn =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/auth/0123456789abcdef";
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": request.method, "path": request.path, "body": "", "isBase64Encoded": false,
    });
    event[member] = headers;
    event
}

fn last_values(request: &ContractRequest) -> Value {
    let headers = request.headers.iter();
    headers.map(|(name, value)| ((*name).to_owned(), text(value))).collect::<Map<_, _>>().into()
}

fn all_values(request: &ContractRequest) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in &request.headers {
        let values = all.entry(*name).or_insert_with(|| json!([]));
        values.as_array_mut().expect("a list").push(text(value));
    }
    all.into()
}

fn text(value: &[u8]) -> Value {
    String::from_utf8_lossy(value).into()
}
