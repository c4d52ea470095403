//! What each overlay promises.

use serde_json::{Value, json};
use shared::config::Argon2Config;

use crate::{
    built::{OVERLAYS, document, documents},
    document::problems,
};

#[test]
#[ignore = "needs kustomize: make test"]
fn every_document_is_one_that_kubernetes_and_knative_take() {
    for overlay in OVERLAYS {
        for document in documents(overlay) {
            let problems = problems(&document);
            let name = &document["metadata"]["name"];
            assert!(problems.is_empty(), "{overlay}, {} {name}: {problems:?}", document["kind"]);
        }
    }
}

fn container(overlay: &str, function: &str) -> (Value, Value) {
    let service = document(overlay, "Service", function);
    let spec = service["spec"]["template"]["spec"].clone();
    (spec["containers"][0].clone(), spec)
}

fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let mut variables = container["env"].as_array()?.iter();
    variables.find(|variable| variable["name"] == name)?["value"].as_str()
}

#[test]
#[ignore = "needs kustomize: make test"]
fn as_many_logins_are_let_in_as_there_are_hash_slots() {
    for overlay in OVERLAYS {
        let (container, spec) = container(overlay, "login");
        let slots = variable(&container, "HASH_SLOTS").expect("a number");
        assert_eq!(spec["containerConcurrency"].to_string(), slots, "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn login_asks_for_huge_pages() {
    for overlay in OVERLAYS {
        let (container, _) = container(overlay, "login");
        let tunables = variable(&container, "GLIBC_TUNABLES");
        assert_eq!(tunables, Some("glibc.malloc.hugetlb=1"), "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn the_limit_of_memory_is_above_the_bound_that_the_readme_gives() {
    for (overlay, function) in OVERLAYS.iter().flat_map(|it| [(it, "login"), (it, "validate")]) {
        let (container, spec) = container(overlay, function);
        let slots: u32 = spec["containerConcurrency"].to_string().parse().expect("a number");
        let limit = container["resources"]["limits"]["memory"].as_str().expect("a limit");
        let limit: u32 = limit.strip_suffix("Mi").and_then(|it| it.parse().ok()).expect("in Mi");
        let connections = variable(&container, "MAX_CONNECTIONS").expect("a number");
        let connections: u32 = connections.parse().expect("a number");
        let hashes = slots * Argon2Config::default().memory_kib / 1024;
        let without = if function == "login" { hashes + 128 + 32 } else { 8 };
        let bound = without + connections * 40 / 1024;
        assert!(limit > bound, "{overlay}, {function}: {limit} Mi, of {bound} MiB");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn validate_has_neither_the_private_key_nor_the_database() {
    for overlay in OVERLAYS {
        let (_, spec) = container(overlay, "validate");
        let text = spec.to_string();
        for other in ["\"auth-jwt\"", "auth-secret", "MYSQL", "DATABASE", "\"auth/jwt\""] {
            assert!(!text.contains(other), "{overlay}: {other} in {text}");
        }
    }
}

/// The names of the `ConfigMap`s that a function has variables from.
fn settings(overlay: &str, function: &str) -> Vec<String> {
    let (container, _) = container(overlay, function);
    let sources = container["envFrom"].as_array().expect("sources").iter();
    let name = |source: &Value| source["configMapRef"]["name"].as_str().map(str::to_owned);
    sources.map(|source| name(source).expect("a ConfigMap")).collect()
}

/// kustomize names it by its content.
#[test]
#[ignore = "needs kustomize: make test"]
fn a_changed_setting_makes_a_new_revision() {
    let [minikube, production] = ["minikube", "production"].map(|it| settings(it, "login"));
    for (name, other) in minikube.iter().zip(&production) {
        assert!(name.len() > "auth-settings-".len(), "{name}");
        assert_eq!(name == other, name.starts_with("auth-settings-"), "{name}, {other}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn both_functions_have_the_settings_of_both_and_login_those_of_the_database() {
    for overlay in OVERLAYS {
        let [login, validate] = ["login", "validate"].map(|it| settings(overlay, it));
        assert!(login[0].starts_with("auth-configmap-"), "{overlay}: {login:?}");
        assert_eq!(validate, login[1..], "{overlay}");
        assert!(validate[0].starts_with("auth-settings-"), "{overlay}: {validate:?}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn the_activator_is_not_on_the_way_to_a_running_validate() {
    for overlay in OVERLAYS {
        let validate = document(overlay, "Service", "validate");
        let annotations = &validate["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["autoscaling.knative.dev/target-burst-capacity"], "0");
    }
}

/// As those of each function do by queue-proxy.
#[test]
#[ignore = "needs kustomize: make test"]
fn one_host_serves_on_until_no_request_is_sent_to_it_any_more() {
    let nginx = document("minikube", "Deployment", "one-host");
    let container = &nginx["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 5);
}

#[test]
#[ignore = "needs kustomize: make test"]
fn minikube_leaves_room_for_mysql() {
    for function in ["login", "validate"] {
        let service = document("minikube", "Service", function);
        let annotations = &service["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["autoscaling.knative.dev/max-scale"], "2", "{function}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn both_functions_are_for_the_cluster_alone() {
    for overlay in OVERLAYS {
        for function in ["login", "validate"] {
            let service = document(overlay, "Service", function);
            let visibility = &service["metadata"]["labels"]["networking.knative.dev/visibility"];
            assert_eq!(visibility, "cluster-local", "{overlay}: {function}");
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn no_overlay_holds_a_secret() {
    for overlay in OVERLAYS {
        let documents = documents(overlay);
        assert!(documents.iter().all(|document| document["kind"] != "Secret"), "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn production_verifies_the_database_and_minikube_runs_what_make_image_makes() {
    for overlay in ["production", "production-secrets-manager"] {
        let map = document(overlay, "ConfigMap", "auth-configmap");
        assert_eq!(map["data"]["MYSQL_SSL_MODE"], "VERIFY_IDENTITY", "{overlay}");
        let (container, spec) = container(overlay, "login");
        let mounted =
            json!({ "name": "mysql-ca", "mountPath": "/run/config/mysql-ca", "readOnly": true });
        let mounts = container["volumeMounts"].as_array().expect("mounts");
        assert!(mounts.contains(&mounted), "{overlay}: {container}");
        assert!(spec["volumes"].to_string().contains("mysql-ca"), "{overlay}: {spec}");
    }
    for function in ["login", "validate"] {
        let (container, _) = container("minikube", function);
        assert_eq!(container["image"], format!("dev.local/auth-{function}:dev"));
    }
}
