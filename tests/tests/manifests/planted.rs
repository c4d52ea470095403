//! An error in a manifest is seen.

use serde_json::{Value, json};

use crate::{document::problems, examples, kustomize};

/// Where an error is planted (`-` is the end of a list), what is put there, and a word of what is
/// said of it.
type Planted = (&'static str, Value, &'static str);

/// `value` at `path` of `document`.
fn plant(document: &Value, path: &str, value: Value) -> Value {
    let mut wrong = document.clone();
    let (parent, member) = path.rsplit_once('/').expect("a path");
    let parent = wrong.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {path}"));
    match parent.as_array_mut() {
        Some(list) => list.push(value),
        None => parent[member] = value,
    }
    wrong
}

/// That the document is right, and wrong with each of these errors, `prefix` before their paths.
fn are_seen(right: &Value, prefix: &str, planted: impl IntoIterator<Item = Planted>) {
    assert_eq!(problems(right), [""; 0]);
    for (path, value, said) in planted {
        let path = format!("{prefix}{path}");
        let problems = problems(&plant(right, &path, value));
        assert!(problems.iter().any(|problem| problem.contains(said)), "{path}: {problems:?}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn a_planted_error_is_seen_in_a_knative_service() {
    let scales = |min: &str, max: &str| json!({ "autoscaling.knative.dev/min-scale": min, "autoscaling.knative.dev/max-scale": max });
    let login = kustomize::document("minikube", "Service", "login");
    are_seen(login, "", [("/specs", json!({}), "unknown")]);
    are_seen(
        login,
        "/spec/template",
        [
            ("/spec/contanerConcurrency", json!(2), "unknown"),
            ("/spec/containerConcurrency", json!(1001), "containerConcurrency"),
            ("/spec/initContainers", json!([]), "unknown"),
            ("/spec/securityContext", json!({}), "unknown"),
            ("/spec/volumes/-", json!({ "name": "h", "hostPath": { "path": "/" } }), "unknown"),
            ("/spec/timeoutSeconds", json!("60"), "timeoutSeconds"),
            ("/spec/timeoutSeconds", json!(601), "timeoutSeconds"),
            ("/spec/automountServiceAccountToken", json!(true), "token"),
            ("/spec/containers/-", json!({ "name": "other" }), "one container"),
            ("/metadata/name", json!("login-1"), "revision"),
            ("/metadata/annotations", json!({}), "min-scale"),
            ("/metadata/annotations", json!({}), "waits for bodies"),
            ("/metadata/annotations", scales("9", "1"), "min-scale is more"),
            ("/metadata/annotations", scales("-1", "1"), "numbers"),
        ],
    );
    let downward = json!({ "name": "N", "valueFrom": { "fieldRef": { "fieldPath": "a" } } });
    are_seen(
        login,
        "/spec/template/spec/containers/0",
        [
            ("/lifecycle", json!({}), "unknown"),
            ("/readinessProbe/period", json!(5), "unknown"),
            ("/livenessProbe/periodSeconds", json!("5"), "wrong type"),
            ("/readinessProbe/periodSeconds", Value::Null, "no period"),
            ("/readinessProbe", Value::Null, "no readiness probe"),
            ("/livenessProbe/httpGet", Value::Null, "no liveness probe"),
            ("/ports/-", json!({ "containerPort": 8081 }), "more than one port"),
            ("/ports/0/name", json!("http"), "http1"),
            ("/ports/0/protocol", json!("UDP"), "TCP"),
            ("/ports/0/containerPort", json!(8012), "queue-proxy"),
            ("/env/-", json!({ "name": "PORT", "value": "1" }), "reserved"),
            ("/env/-", json!({ "name": "MYSQL_PASSWORD", "value": "x" }), "a secret"),
            ("/env/-", downward, "downward"),
            ("/volumeMounts/0/name", json!("other"), "no volume"),
            ("/volumeMounts/0/readOnly", json!(false), "written to"),
            ("/securityContext", Value::Null, "seccompProfile"),
            ("/securityContext/allowPrivilegeEscalation", json!(true), "Escalation"),
            ("/securityContext/runAsNonRoot", json!(false), "runAsNonRoot"),
            ("/securityContext/runAsUser", json!(0), "root"),
            ("/securityContext/capabilities/drop", json!([]), "capabilities"),
            ("/securityContext/readOnlyRootFilesystem", json!(false), "written to"),
            ("/resources/limits", json!({ "cpu": "1" }), "limit of memory"),
            ("/resources/requests", json!({ "cpu": "1" }), "request of memory"),
        ],
    );
}

#[test]
#[ignore = "needs kustomize: make test"]
fn a_planted_error_is_seen_in_a_document_of_kubernetes() {
    let mysql = kustomize::document("minikube", "StatefulSet", "mysql");
    are_seen(
        mysql,
        "",
        [
            ("/spec/replica", json!(1), "unknown"),
            ("/spec/replicas", json!("one"), "wrong type"),
            ("/spec/template/spec/containers/0/port", json!([]), "unknown"),
            ("/spec/template/spec/containers/0/ports/0/containerPort", json!("3306"), "wrong type"),
            ("/kind", json!("Statefulset"), "not known"),
        ],
    );
}

#[test]
fn a_planted_error_is_seen_in_a_manifest_of_a_gateway() {
    let planted: [(&str, &str, Vec<Planted>); 7] = [
        (
            "IstioOperator",
            "/spec/meshConfig/extensionProviders/0/envoyExtAuthzHttp",
            vec![
                ("/failOpen", json!(true), "failOpen"),
                ("/failopen", json!(false), "unknown"),
                ("/timeout", json!("600s"), "timeout"),
                ("/statusOnError", json!(503), "statusOnError"),
                ("/pathPrefix", json!("/"), "/validate"),
                ("/includeRequestBodyInCheck", json!({}), "unknown"),
                ("/includeRequestHeadersInCheck", json!(["cookie"]), "authorization"),
                ("/headersToUpstreamOnAllow", json!([]), "x-auth-request-user"),
            ],
        ),
        (
            "AuthorizationPolicy",
            "/spec",
            vec![
                ("/action", json!("ALLOW"), "CUSTOM"),
                ("/rules", json!([]), "/login"),
                ("/rules/0/to/0/operation/notPaths", json!(["/login", "/api"]), "/login"),
            ],
        ),
        (
            "VirtualService",
            "/spec/http/0",
            vec![
                ("/headers", json!({}), "unknown"),
                ("/match/0/uri/exact", json!("/api"), "/login"),
            ],
        ),
        ("EnvoyFilter", "/spec", vec![("/selector", json!({}), "unknown")]),
        (
            "HTTPRoute",
            "/spec/rules/1",
            vec![
                ("/filters", json!([]), "ExternalAuth"),
                ("/filter", json!([]), "unknown"),
                ("/filters/0/externalAuth/forwardBody", json!({ "maxSize": 1 }), "unknown"),
                ("/filters/0/externalAuth/protocol", json!("GRPC"), "HTTP"),
                ("/filters/0/externalAuth/http/path", json!("/"), "/validate"),
                (
                    "/filters/0/externalAuth/http/allowedResponseHeaders",
                    json!([]),
                    "X-Auth-Request-User",
                ),
            ],
        ),
        ("ReferenceGrant", "/spec", vec![("/to/0/namespace", json!("auth"), "unknown")]),
        ("ConfigMap", "", vec![("/datum", json!({}), "unknown")]),
    ];
    for (kind, prefix, planted) in planted {
        are_seen(&examples::document(kind), prefix, planted);
    }
}
