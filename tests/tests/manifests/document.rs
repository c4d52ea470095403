//! A document, read strictly as what it says it is.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{examples, knative};

/// What is wrong with a document; nothing if it is right.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("serving.knative.dev/v1", "Service") => knative::problems(document),
        ("v1", "ConfigMap") => misfits::<ConfigMap>(document),
        ("v1", "Namespace") => misfits::<Namespace>(document),
        ("v1", "Secret") => misfits::<Secret>(document),
        ("v1", "Service") => misfits::<Service>(document),
        ("v1", "ServiceAccount") => misfits::<ServiceAccount>(document),
        ("apps/v1", "Deployment") => misfits::<Deployment>(document),
        ("apps/v1", "StatefulSet") => misfits::<StatefulSet>(document),
        ("networking.k8s.io/v1", "NetworkPolicy") => misfits::<NetworkPolicy>(document),
        (version, kind) => match examples::expected_spec(version, kind) {
            Some(expected) => examples::problems(document, &expected),
            None => vec![format!("{version} {kind} is not known here")],
        },
    }
}

/// What the document has that the type has no place for, or where it is of another type.
pub(crate) fn misfits<T: DeserializeOwned>(document: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let read = serde_ignored::deserialize::<_, _, T>(document, |path| {
        problems.push(format!("unknown field: {path}"));
    });
    problems.extend(read.err().map(|error| format!("wrong type: {error}")));
    problems
}
