//! An error in a manifest is seen.

use serde_json::{Value, json};

use crate::{built::document, document::problems};

/// Where in `login` of the overlay minikube (`-` is the end of a list), what is put there, and a
/// word of what is said of it.
type Planted = (&'static str, Value, &'static str);

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn in_the_service() -> Vec<Planted> {
    vec![
        ("/specs", json!({}), "unknown"),
        ("/spec/template/spec/contanerConcurrency", json!(2), "unknown"),
        ("/spec/template/spec/initContainers", json!([]), "unknown"),
        ("/spec/template/spec/securityContext", json!({}), "unknown"),
        ("/spec/template/spec/volumes/-", json!({ "name": "h", "hostPath": {} }), "unknown"),
        ("/spec/template/spec/timeoutSeconds", json!("60"), "wrong type"),
        ("/spec/template/spec/timeoutSeconds", json!(601), "timeoutSeconds"),
        ("/spec/template/spec/automountServiceAccountToken", json!(true), "token"),
        ("/spec/template/metadata/name", json!("login-1"), "revision"),
        ("/spec/template/metadata/annotations", json!({}), "min-scale"),
        ("/spec/template/metadata/annotations", json!({}), "waits for bodies"),
        ("/spec/template/metadata/annotations", scales("9", "1"), "min-scale is more"),
        ("/spec/template/metadata/annotations", scales("-1", "1"), "numbers"),
    ]
}

fn scales(min: &str, max: &str) -> Value {
    json!({ "autoscaling.knative.dev/min-scale": min, "autoscaling.knative.dev/max-scale": max })
}

fn in_the_container() -> Vec<Planted> {
    let downward = json!({ "name": "N", "valueFrom": { "fieldRef": { "fieldPath": "a" } } });
    vec![
        ("/lifecycle", json!({}), "unknown"),
        ("/readinessProbe/period", json!(5), "unknown"),
        ("/livenessProbe/periodSeconds", json!("5"), "wrong type"),
        ("/readinessProbe/periodSeconds", Value::Null, "no period"),
        ("/readinessProbe", Value::Null, "no readiness probe"),
        ("/ports/-", json!({ "containerPort": 8081 }), "more than one port"),
        ("/ports/0/name", json!("http"), "http1"),
        ("/ports/0/containerPort", json!(8012), "queue-proxy"),
        ("/env/-", json!({ "name": "PORT", "value": "1" }), "reserved"),
        ("/env/-", json!({ "name": "MYSQL_PASSWORD", "value": "x" }), "a secret"),
        ("/env/-", downward, "downward"),
        ("/volumeMounts/0/name", json!("other"), "no volume"),
        ("/volumeMounts/0/readOnly", json!(false), "written to"),
        ("/securityContext", Value::Null, "securityContext"),
        ("/securityContext/runAsUser", json!(0), "root"),
        ("/securityContext/capabilities/drop", json!([]), "capabilities"),
        ("/securityContext/readOnlyRootFilesystem", json!(false), "written to"),
        ("/resources/limits", json!({ "cpu": "1" }), "limit of memory"),
    ]
}

/// `value` at `path` of `document`.
pub(crate) fn plant(document: &Value, path: &str, value: Value) -> Value {
    let mut wrong = document.clone();
    let (parent, member) = path.rsplit_once('/').expect("a path");
    let parent = wrong.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {path}"));
    match parent.as_array_mut() {
        Some(list) => list.push(value),
        None => parent[member] = value,
    }
    wrong
}

#[test]
#[ignore = "needs kustomize: make test"]
fn a_planted_error_is_seen_in_a_knative_service() {
    let right = document("minikube", "Service", "login");
    assert_eq!(problems(&right), [""; 0]);
    let within = |(path, value, said)| (format!("{CONTAINER}{path}"), value, said);
    let in_the_container = in_the_container().into_iter().map(within);
    let in_the_service = in_the_service().into_iter();
    let in_the_service = in_the_service.map(|(path, value, said)| (path.to_owned(), value, said));
    for (path, value, said) in in_the_service.chain(in_the_container) {
        let problems = problems(&plant(&right, &path, value));
        assert!(problems.iter().any(|problem| problem.contains(said)), "{path}: {problems:?}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn a_planted_error_is_seen_in_a_document_of_kubernetes() {
    let right = document("minikube", "StatefulSet", "mysql");
    assert_eq!(problems(&right), [""; 0]);
    for (path, value) in [
        ("/spec/replica", json!(1)),
        ("/spec/replicas", json!("one")),
        ("/spec/template/spec/containers/0/port", json!([])),
        ("/spec/template/spec/containers/0/ports/0/containerPort", json!("3306")),
        ("/kind", json!("Statefulset")),
    ] {
        assert!(!problems(&plant(&right, path, value)).is_empty(), "{path}");
    }
}
