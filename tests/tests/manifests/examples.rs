//! `examples/gateways`: the manifests among them, for which no cluster is here. The published
//! types of Istio and of the Gateway API take fields that they do not know, and those of the Gateway
//! API lack its experimental channel. So the fields are listed here, with their values as far as a
//! user does not adapt them.

use std::fs;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use system_tests::workspace;

use crate::document::{misfits, problems as problems_of};

/// The files, and how the first line of those that are not run begins.
pub(crate) const FILES: [(&str, &str); 3] = [
    ("istio/istio.yaml", "# Needs Istio 1.24"),
    ("gateway-api/gateway-api.yaml", "# Needs the Gateway API 1.4"),
    ("flask/configmap.yaml", ""),
];

fn text(file: &str) -> String {
    fs::read_to_string(workspace().join("examples/gateways").join(file)).expect("a file")
}

fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(file)).expect("YAML")
}

/// The first document of this kind.
pub(crate) fn document(kind: &str) -> Value {
    let mut documents = FILES.iter().flat_map(|(file, _)| documents(file));
    documents.find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"))
}

/// The fields of a kind: a `*` is any text, everything else is as it is here.
///
/// From Istio's sources: `mesh/v1alpha1/config.proto`, `security/v1beta1/authorization_policy.proto`,
/// `networking/v1alpha3/virtual_service.proto`, `networking/v1alpha3/envoy_filter.proto`; and from
/// those of the Gateway API: `apis/v1/httproute_types.go`, `apis/v1beta1/referencegrant_types.go`.
pub(crate) fn expected_spec(version: &str, kind: &str) -> Option<Value> {
    let backend = json!({ "name": "*", "namespace": "*", "port": 80 });
    let destination = json!([{ "destination": { "host": "*", "port": { "number": 80 } } }]);
    Some(match (version, kind) {
        ("install.istio.io/v1alpha1", "IstioOperator") => json!({
            "meshConfig": { "extensionProviders": [{
                "name": "*",
                "envoyExtAuthzHttp": {
                    "service": "*",
                    "port": 80,
                    // Below it every path asks for a token.
                    "pathPrefix": "/validate",
                    "timeout": "2s",
                    "failOpen": false,
                    "statusOnError": "503",
                    "includeRequestHeadersInCheck": ["authorization"],
                    "headersToUpstreamOnAllow": ["x-auth-request-user", "x-auth-request-groups"],
                    "headersToDownstreamOnDeny": ["*", "*", "*", "*"],
                },
            }] },
        }),
        ("security.istio.io/v1", "AuthorizationPolicy") => json!({
            "selector": { "matchLabels": { "istio": "*" } },
            "action": "CUSTOM",
            "provider": { "name": "*" },
            "rules": [{ "to": [{ "operation": { "notPaths": ["/login"] } }] }],
        }),
        ("networking.istio.io/v1", "VirtualService") => json!({
            "gateways": ["*"],
            "hosts": ["*"],
            "http": [
                {
                    "match": [{ "uri": { "exact": "/login" } }],
                    "route": destination,
                    "timeout": "15s",
                },
                { "route": destination },
            ],
        }),
        ("networking.istio.io/v1alpha3", "EnvoyFilter") => json!({
            "workloadSelector": { "labels": { "istio": "*" } },
            "configPatches": [{
                "applyTo": "HTTP_FILTER",
                "match": {
                    "context": "GATEWAY",
                    "listener": { "filterChain": { "filter": { "name": "*" } } },
                },
                "patch": { "operation": "INSERT_FIRST", "value": {
                    "name": "*",
                    "typed_config": { "@type": "*", "mutations": { "request_mutations": [{
                        "remove_on_match": { "key_matcher": { "safe_regex": {
                            "regex": "x[^a-z0-9]auth[^a-z0-9]request[^a-z0-9].*",
                        } } },
                    }] } },
                } },
            }],
        }),
        ("gateway.networking.k8s.io/v1", "HTTPRoute") => json!({
            "parentRefs": [{ "name": "*", "namespace": "*" }],
            "hostnames": ["*"],
            "rules": [
                {
                    "matches": [{ "path": { "type": "Exact", "value": "/login" } }],
                    "backendRefs": [backend],
                    "timeouts": { "request": "15s" },
                },
                {
                    "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }],
                    "filters": [{ "type": "ExternalAuth", "externalAuth": {
                        "protocol": "HTTP",
                        "backendRef": backend,
                        "http": {
                            "path": "/validate",
                            "allowedResponseHeaders":
                                ["X-Auth-Request-User", "X-Auth-Request-Groups"],
                        },
                    } }],
                    "backendRefs": [{ "name": "*", "port": 80 }],
                },
            ],
        }),
        ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant") => json!({
            "from": [{ "group": "*", "kind": "HTTPRoute", "namespace": "*" }],
            "to": [{ "group": "", "kind": "Service", "name": "*" }],
        }),
        _ => return None,
    })
}

/// Where a document differs from what is expected of its specification.
pub(crate) fn problems(document: &Value, expected: &Value) -> Vec<String> {
    let mut problems = misfits::<ObjectMeta>(&document["metadata"]);
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let members = document.as_object().into_iter().flat_map(|it| it.keys());
    let unknown = members.filter(|it| !known.contains(&it.as_str()));
    problems.extend(unknown.map(|member| format!("/{member}: unknown")));
    compare(&document["spec"], expected, "/spec", &mut problems);
    problems
}

fn compare(given: &Value, expected: &Value, path: &str, problems: &mut Vec<String>) {
    match (given, expected) {
        (Value::Object(given), Value::Object(expected)) => {
            let unknown = given.keys().filter(|member| !expected.contains_key(*member));
            problems.extend(unknown.map(|member| format!("{path}/{member}: unknown")));
            for (member, expected) in expected {
                let given = given.get(member).unwrap_or(&Value::Null);
                compare(given, expected, &format!("{path}/{member}"), problems);
            }
        }
        (Value::Array(given), Value::Array(expected)) if given.len() == expected.len() => {
            for (number, (given, expected)) in given.iter().zip(expected).enumerate() {
                compare(given, expected, &format!("{path}/{number}"), problems);
            }
        }
        (Value::String(given), Value::String(any)) if any == "*" && !given.is_empty() => {}
        _ if given == expected => {}
        _ => problems.push(format!("{path}: {given}, not {expected}")),
    }
}

#[test]
fn every_manifest_of_a_gateway_is_one_that_its_controller_takes() {
    let mut kinds = Vec::new();
    for (file, first) in FILES {
        assert!(text(file).starts_with(first), "{file} says first that it is not run");
        for document in documents(file) {
            assert_eq!(problems_of(&document), [""; 0], "{file}, {}", document["kind"]);
            kinds.push(document["kind"].clone());
        }
    }
    let istio = ["IstioOperator", "AuthorizationPolicy", "VirtualService", "EnvoyFilter"];
    assert_eq!(kinds, [&istio[..], &["HTTPRoute", "ReferenceGrant", "ConfigMap"]].concat());
}

#[test]
fn the_policy_of_istio_names_the_provider_and_the_pods_that_are_there() {
    let provider = &document("IstioOperator")["spec"]["meshConfig"]["extensionProviders"][0];
    let policy = document("AuthorizationPolicy");
    assert_eq!(policy["spec"]["provider"]["name"], provider["name"]);
    let pods = &policy["spec"]["selector"]["matchLabels"];
    assert_eq!(&document("EnvoyFilter")["spec"]["workloadSelector"]["labels"], pods);
}
