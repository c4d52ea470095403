//! What each overlay promises.

use serde_json::{Value, json};
use shared::config::Argon2Config;

use crate::{
    document::problems,
    kustomize::{OVERLAYS, document, documents},
};

#[test]
#[ignore = "needs kustomize: make test"]
fn every_document_is_one_that_kubernetes_and_knative_take_and_none_holds_a_secret() {
    for overlay in OVERLAYS {
        for document in documents(overlay) {
            assert_eq!(problems(document), [""; 0], "{overlay}: {document}");
            assert_ne!(document["kind"], "Secret", "{overlay}");
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn each_overlay_sets_what_the_readme_says() {
    let [production, managed] = ["production", "production-secrets-manager"].map(|it| [it]);
    let annotation =
        |name| format!("/spec/template/metadata/annotations/autoscaling.knative.dev~1{name}");
    let visibility = "/metadata/labels/networking.knative.dev~1visibility".to_owned();
    let image = "/spec/template/spec/containers/0/image".to_owned();
    let pre_stop = "/spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds".to_owned();
    let ssl_mode = "/data/MYSQL_SSL_MODE".to_owned();
    let all = OVERLAYS.as_slice();
    let minikube = &["minikube"][..];
    for (overlays, kind, name, path, value) in [
        // Each function is for the cluster alone.
        (all, "Service", "login", &visibility, json!("cluster-local")),
        (all, "Service", "validate", &visibility, json!("cluster-local")),
        // The activator is not on the way to a running `validate`.
        (all, "Service", "validate", &annotation("target-burst-capacity"), json!("0")),
        (&production, "ConfigMap", "auth-configmap", &ssl_mode, json!("VERIFY_IDENTITY")),
        (&managed, "ConfigMap", "auth-configmap", &ssl_mode, json!("VERIFY_IDENTITY")),
        (&production, "Service", "login", &annotation("max-scale"), json!("10")),
        (&production, "Service", "validate", &annotation("max-scale"), json!("10")),
        // What `make image` makes.
        (minikube, "Service", "login", &image, json!("dev.local/auth-login:dev")),
        (minikube, "Service", "validate", &image, json!("dev.local/auth-validate:dev")),
        // There is room for MySQL.
        (minikube, "Service", "login", &annotation("max-scale"), json!("2")),
        (minikube, "Service", "validate", &annotation("max-scale"), json!("2")),
        // It serves on until no request is sent to it any more, as queue-proxy does for functions.
        (minikube, "Deployment", "one-host", &pre_stop, json!(5)),
    ] {
        for overlay in overlays {
            let set = document(overlay, kind, name).pointer(path);
            assert_eq!(set, Some(&value), "{overlay}: {name}, {path}");
        }
    }
}

/// The specification of a function's pods, and its container.
fn pod(overlay: &str, function: &str) -> (&'static Value, &'static Value) {
    let spec = &document(overlay, "Service", function)["spec"]["template"]["spec"];
    (spec, &spec["containers"][0])
}

/// The one of a list that has this name.
fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut list = list.as_array().expect("a list").iter();
    list.find(|it| it["name"] == name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn variable(container: &Value, name: &str) -> u32 {
    let value = named(&container["env"], name)["value"].as_str();
    value.and_then(|it| it.parse().ok()).expect("a number")
}

#[test]
#[ignore = "needs kustomize: make test"]
fn as_many_logins_are_let_in_as_there_are_hash_slots() {
    for overlay in OVERLAYS {
        let (spec, container) = pod(overlay, "login");
        assert_eq!(spec["containerConcurrency"], variable(container, "HASH_SLOTS"), "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn login_asks_for_huge_pages() {
    for overlay in OVERLAYS {
        let (_, container) = pod(overlay, "login");
        let tunables = &named(&container["env"], "GLIBC_TUNABLES")["value"];
        assert_eq!(tunables, "glibc.malloc.hugetlb=1", "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn the_limit_of_memory_is_above_the_bound_that_the_readme_gives() {
    for overlay in OVERLAYS {
        for function in ["login", "validate"] {
            let (_, container) = pod(overlay, function);
            let limit = container["resources"]["limits"]["memory"].as_str().expect("a limit");
            let limit: u32 = limit.strip_suffix("Mi").and_then(|it| it.parse().ok()).expect("Mi");
            let hash = Argon2Config::default().memory_kib / 1024;
            let without_connections = match function {
                "login" => variable(container, "HASH_SLOTS") * hash + 128 + 32,
                _ => 8,
            };
            let bound = without_connections + variable(container, "MAX_CONNECTIONS") * 40 / 1024;
            assert!(limit > bound, "{overlay}, {function}: {limit} Mi, of {bound} MiB");
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn validate_has_neither_the_private_key_nor_the_database() {
    for overlay in OVERLAYS {
        let text = pod(overlay, "validate").0.to_string();
        for other in ["\"auth-jwt\"", "auth-secret", "MYSQL", "DATABASE", "\"auth/jwt\""] {
            assert!(!text.contains(other), "{overlay}: {other} in {text}");
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn login_has_the_database_s_ca_in_production() {
    for overlay in ["production", "production-secrets-manager"] {
        let (spec, container) = pod(overlay, "login");
        assert_eq!(named(&spec["volumes"], "mysql-ca")["configMap"]["name"], "mysql-ca");
        let mount = named(&container["volumeMounts"], "mysql-ca");
        assert_eq!(mount["mountPath"], "/run/config/mysql-ca", "{overlay}");
    }
}

/// The names of the `ConfigMap`s that a function has variables from.
fn settings(overlay: &str, function: &str) -> Vec<&'static str> {
    let sources = pod(overlay, function).1["envFrom"].as_array().expect("sources").iter();
    sources.map(|source| source["configMapRef"]["name"].as_str().expect("a ConfigMap")).collect()
}

/// kustomize names them by their content.
#[test]
#[ignore = "needs kustomize: make test"]
fn both_functions_have_the_settings_of_both_and_a_changed_one_makes_a_new_revision() {
    for overlay in OVERLAYS {
        let [login, validate] = ["login", "validate"].map(|it| settings(overlay, it));
        assert!(login[0].starts_with("auth-configmap-"), "{overlay}: {login:?}");
        assert_eq!(validate, login[1..], "{overlay}");
        assert!(validate[0].starts_with("auth-settings-"), "{overlay}: {validate:?}");
    }
    let [minikube, production] = ["minikube", "production"].map(|it| settings(it, "login"));
    assert_ne!(minikube[0], production[0], "their settings differ");
    assert_eq!(minikube[1], production[1], "their settings are the same");
}

/// The image of MySQL would source what it cannot execute.
#[test]
#[ignore = "needs kustomize: make test"]
fn the_script_for_mysql_is_mounted_to_be_executed() {
    let mysql = document("minikube", "StatefulSet", "mysql");
    let initialise = named(&mysql["spec"]["template"]["spec"]["volumes"], "initialise");
    assert_eq!(initialise["configMap"]["defaultMode"], 0o555);
}
