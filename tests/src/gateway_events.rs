//! Requests as the events that AWS's gateways make of them, as far as they are read.

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
    /// A service of VPC Lattice: event structure V2.
    Lattice,
}

impl Gateway {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::FunctionUrl,
        Self::HttpApi,
        Self::RestApi,
        Self::LoadBalancer,
        Self::LoadBalancerMultiValue,
        Self::Lattice,
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
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (*name, String::from_utf8_lossy(value)));
        let (mut last, mut all) = (Map::new(), Map::<String, Value>::new());
        for (name, value) in headers {
            last.insert(name.into(), value.clone().into());
            let values = all.entry(name).or_insert_with(|| json!([]));
            values.as_array_mut().expect("a list").push(value.into());
        }
        match self {
            Self::FunctionUrl => payload_2(request, "$default", &all),
            Self::HttpApi => payload_2(request, "prod", &all),
            Self::RestApi => json!({
                "resource": "/{proxy+}", "path": request.path, "httpMethod": request.method,
                "headers": last, "multiValueHeaders": all, "queryStringParameters": null,
                "pathParameters": { "proxy": request.path.trim_start_matches('/') },
                "requestContext": {
                    "stage": "prod", "path": format!("/prod{}", request.path),
                    "httpMethod": request.method,
                    "requestId": "c6af9ac6", "identity": { "sourceIp": "192.0.2.1" },
                },
                "body": null, "isBase64Encoded": false,
            }),
            Self::LoadBalancer => load_balancer(request, "headers", last),
            Self::LoadBalancerMultiValue => load_balancer(request, "multiValueHeaders", all),
            Self::Lattice => json!({
                "version": "2.0", "path": request.path, "method": request.method,
                "headers": all, "body": null, "isBase64Encoded": false,
                "requestContext": {
                    "serviceNetworkArn": "arn", "serviceArn": "arn", "targetGroupArn": "arn",
                    "identity": { "sourceVpcArn": "arn" }, "region": "eu-west-1",
                    "timeEpoch": "1767225600000000",
                },
            }),
        }
    }
}

/// Values of one name joined by a comma; the path decoded.
fn payload_2(request: &ContractRequest, stage: &str, all: &Map<String, Value>) -> Value {
    let prefix = if stage == "$default" { String::new() } else { format!("/{stage}") };
    let path = format!("{prefix}{}", request.path.replace("%20", " "));
    let joined = |values: &Value| {
        let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        values.collect::<Vec<_>>().join(",")
    };
    let headers: Map<String, Value> =
        all.iter().map(|(name, values)| (name.clone(), joined(values).into())).collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "domainName": "id.lambda-url.eu-west-1.on.aws", "requestId": "c6af9ac6", "stage": stage,
            "http": {
                "method": request.method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "test",
            },
        },
        "body": STANDARD.encode("ignored"), "isBase64Encoded": true,
    })
}

fn load_balancer(request: &ContractRequest, member: &str, headers: Map<String, Value>) -> Value {
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/auth/0123456789";
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": request.method, "path": request.path, "body": "", "isBase64Encoded": false,
    });
    event[member] = headers.into();
    event
}
