//! Converts requests to the events of AWS's gateways, based on the samples in `events/`.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{Request, workspace};

/// A gateway that calls Lambda functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsGateway {
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

impl AwsGateway {
    /// The event for this request.
    pub fn event(self, request: &Request) -> Value {
        let mut headers = BTreeMap::<&str, Vec<_>>::new();
        let mut cookies = Vec::new();
        for (name, value) in &request.headers {
            let value = String::from_utf8_lossy(value);
            // Payload 2.0 has cookies in a separate member.
            if name == "cookie" && matches!(self, Self::FunctionUrl | Self::HttpApi) {
                cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
            } else {
                headers.entry(name).or_default().push(value);
            }
        }
        let each = |value: fn(&Vec<_>) -> Value| -> Value {
            headers.iter().map(|(name, values)| (*name, value(values))).collect()
        };
        let joined = || each(|values| values.join(",").into());
        let last = || each(|values| values.last().cloned().into());
        let lists = each(|values| json!(values));
        let (path, decoded) = (request.url.clone(), request.url.replace("%20", " "));
        let (sample, path, headers) = match self {
            Self::FunctionUrl => ("function-url", decoded, joined()),
            Self::HttpApi => ("http-api-stage", format!("/prod{decoded}"), joined()),
            Self::RestApi => ("rest-api", path, last()),
            Self::LoadBalancer => ("load-balancer", path, last()),
            Self::LoadBalancerMultiValue => ("load-balancer", path, Value::Null),
            Self::Lattice => ("vpc-lattice", path, lists.clone()),
        };
        let sample = workspace().join(format!("events/validate-200-{sample}.json"));
        let sample = fs::read_to_string(sample).expect("a sample event");
        let mut event: Value = serde_json::from_str(&sample).expect("JSON");
        if self == Self::LoadBalancerMultiValue {
            event.as_object_mut().expect("an object").remove("headers");
            event["multiValueHeaders"] = Value::Null;
        }
        for (pointers, value) in [
            ("/rawPath /path /requestContext/http/path", json!(path)),
            ("/requestContext/path", json!(format!("/prod{path}"))),
            ("/resource", json!("/{proxy+}")),
            ("/pathParameters", json!({ "proxy": path.trim_start_matches('/') })),
            ("/method /httpMethod", json!(request.method)),
            ("/requestContext/httpMethod /requestContext/http/method", json!(request.method)),
            ("/headers", headers),
            ("/multiValueHeaders", lists),
        ] {
            for pointer in pointers.split(' ') {
                if let Some(member) = event.pointer_mut(pointer) {
                    *member = value.clone();
                }
            }
        }
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        // No function reads the body.
        event["body"] = "aWdub3JlZA==".into();
        event["isBase64Encoded"] = true.into();
        event
    }
}
