//! `examples/gateways`: the manifests among them, for which no cluster is here.

use std::fs;

use serde_json::{Value, json};
use system_tests::workspace;

use crate::{document::problems, planted::plant};

const FILES: [&str; 3] =
    ["istio/istio.yaml", "gateway-api/gateway-api.yaml", "flask/configmap.yaml"];

fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(workspace().join("examples/gateways").join(file));
    serde_saphyr::from_multiple(&text.expect("a file")).expect("YAML")
}

fn document(file: &str, kind: &str) -> Value {
    let mut documents = documents(file).into_iter();
    documents.find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("{file} has no {kind}"))
}

#[test]
fn every_manifest_of_a_gateway_is_one_that_its_controller_takes() {
    let mut kinds = Vec::new();
    for file in FILES {
        for document in documents(file) {
            assert_eq!(problems(&document), [""; 0], "{file}, {}", document["kind"]);
            kinds.push(document["kind"].clone());
        }
    }
    let istio = ["IstioOperator", "AuthorizationPolicy", "VirtualService", "EnvoyFilter"];
    assert_eq!(kinds, [&istio[..], &["HTTPRoute", "ReferenceGrant", "ConfigMap"]].concat());
}

#[test]
fn what_is_not_run_says_so_in_its_first_line() {
    for (file, tool) in [(FILES[0], "Istio 1.24"), (FILES[1], "the Gateway API 1.4")] {
        let text = fs::read_to_string(workspace().join("examples/gateways").join(file));
        assert!(text.expect("a file").starts_with(&format!("# Needs {tool}")), "{file}");
    }
}

#[test]
fn the_policy_of_istio_names_the_provider_that_is_there() {
    let provider = &document(FILES[0], "IstioOperator")["spec"]["meshConfig"]["extensionProviders"];
    let policy = document(FILES[0], "AuthorizationPolicy");
    assert_eq!(policy["spec"]["provider"]["name"], provider[0]["name"]);
    let filter = document(FILES[0], "EnvoyFilter");
    let pods = &policy["spec"]["selector"]["matchLabels"];
    assert_eq!(&filter["spec"]["workloadSelector"]["labels"], pods);
}

#[test]
fn a_planted_error_is_seen_in_a_manifest_of_a_gateway() {
    let provider = "/spec/meshConfig/extensionProviders/0/envoyExtAuthzHttp";
    let auth = "/spec/rules/1/filters/0/externalAuth";
    for (file, kind, path, value, said) in [
        (0, "IstioOperator", format!("{provider}/failOpen"), json!(true), "open"),
        (0, "IstioOperator", format!("{provider}/failopen"), json!(false), "unknown"),
        (0, "IstioOperator", format!("{provider}/timeout"), json!("600s"), "5 s"),
        (0, "IstioOperator", format!("{provider}/statusOnError"), json!(503), "wrong type"),
        (0, "IstioOperator", format!("{provider}/pathPrefix"), json!("/"), "/validate"),
        (0, "IstioOperator", format!("{provider}/includeRequestBodyInCheck"), json!({}), "unknown"),
        (0, "AuthorizationPolicy", "/spec/action".into(), json!("ALLOW"), "wrong type"),
        (0, "AuthorizationPolicy", "/spec/rules".into(), json!([]), "/login"),
        (0, "VirtualService", "/spec/http/0/headers".into(), json!({}), "unknown"),
        (0, "EnvoyFilter", "/spec/selector".into(), json!({}), "unknown"),
        (1, "HTTPRoute", "/spec/rules/1/filters".into(), json!([]), "/login"),
        (1, "HTTPRoute", "/spec/rules/1/filter".into(), json!([]), "unknown"),
        (1, "HTTPRoute", format!("{auth}/forwardBody"), json!({ "maxSize": 1 }), "unknown"),
        (1, "HTTPRoute", format!("{auth}/protocol"), json!("GRPC"), "wrong type"),
        (1, "HTTPRoute", format!("{auth}/http/path"), json!("/"), "/validate"),
        (1, "HTTPRoute", format!("{auth}/http/allowedResponseHeaders"), json!([]), "copied"),
        (1, "ReferenceGrant", "/spec/to/0/namespace".into(), json!("auth"), "unknown"),
        (2, "ConfigMap", "/datum".into(), json!({}), "unknown"),
    ] {
        let problems = problems(&plant(&document(FILES[file], kind), &path, value));
        assert!(problems.iter().any(|problem| problem.contains(said)), "{path}: {problems:?}");
    }
}
