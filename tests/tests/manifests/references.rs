//! What documents call by name is there, or is what the operator makes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kustomize::{OVERLAYS, documents};

/// Made by `make minikube` and `make minikube-secrets`, or as README.md of k8s-knative says.
const OPERATORS: [(&str, &str); 6] = [
    ("Secret", "auth-secret"),
    ("Secret", "auth-jwt"),
    ("Secret", "auth-jwt-public"),
    ("Secret", "mysql-root"),
    ("ConfigMap", "init-sql"),
    ("ConfigMap", "mysql-ca"),
];

#[test]
#[ignore = "needs kustomize: make test"]
fn whatever_is_referred_to_is_there() {
    for overlay in OVERLAYS {
        let documents = documents(overlay);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let made = documents.iter().map(|it| (text(&it["kind"]), text(&it["metadata"]["name"])));
        let given = OPERATORS.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
        let there: BTreeSet<_> = made.chain(given).collect();
        let mut named = BTreeSet::new();
        for document in documents {
            collect(document, &mut named);
        }
        assert!(named.len() > 3, "{overlay}: {named:?}");
        for reference in named {
            assert!(there.contains(&reference), "{overlay}: there is no {reference:?}");
        }
        for document in documents {
            let namespace = &document["metadata"]["namespace"];
            assert!(document["kind"] == "Namespace" || namespace == "auth", "{document}");
        }
    }
}

/// The names in volumes, variables and service accounts.
fn collect(value: &Value, named: &mut BTreeSet<(String, String)>) {
    let mut name = |kind: &str, value: &Value| {
        if let Some(name) = value.as_str() {
            named.insert((kind.to_owned(), name.to_owned()));
        }
    };
    name("Secret", &value["secret"]["secretName"]);
    name("ConfigMap", &value["configMap"]["name"]);
    name("Secret", &value["secretKeyRef"]["name"]);
    name("ConfigMap", &value["configMapRef"]["name"]);
    name("ServiceAccount", &value["serviceAccountName"]);
    match value {
        Value::Object(members) => members.values().for_each(|value| collect(value, named)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, named)),
        _ => {}
    }
}
