//! A document, read strictly as what it says it is.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{gateway_api, istio, knative};

/// What is wrong with a document; nothing if it is right.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("serving.knative.dev/v1", "Service") => knative::problems(document),
        ("gateway.networking.k8s.io/v1", "HTTPRoute")
        | ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant") => {
            gateway_api::problems(document)
        }
        ("install.istio.io/v1alpha1", "IstioOperator")
        | ("security.istio.io/v1", "AuthorizationPolicy")
        | ("networking.istio.io/v1", "VirtualService")
        | ("networking.istio.io/v1alpha3", "EnvoyFilter") => istio::problems(document),
        ("v1", "ConfigMap") => read::<ConfigMap>(document).1,
        ("v1", "Namespace") => read::<Namespace>(document).1,
        ("v1", "Secret") => read::<Secret>(document).1,
        ("v1", "Service") => read::<Service>(document).1,
        ("v1", "ServiceAccount") => read::<ServiceAccount>(document).1,
        ("apps/v1", "Deployment") => read::<Deployment>(document).1,
        ("apps/v1", "StatefulSet") => read::<StatefulSet>(document).1,
        ("networking.k8s.io/v1", "NetworkPolicy") => read::<NetworkPolicy>(document).1,
        other => vec![format!("{other:?} is not known here")],
    }
}

/// The document as a type, and what it has that the type has no place for.
pub(crate) fn read<T: DeserializeOwned>(document: &Value) -> (Option<T>, Vec<String>) {
    let mut problems = Vec::new();
    let read = serde_ignored::deserialize(document, |path| {
        problems.push(format!("unknown field: {path}"));
    });
    match read {
        Ok(read) => (Some(read), problems),
        Err(error) => {
            problems.push(format!("wrong type: {error}"));
            (None, problems)
        }
    }
}
