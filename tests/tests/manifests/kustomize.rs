//! Overlays, built by kustomize.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    process::{command, output},
    workspace,
};

/// The overlays.
pub(crate) const OVERLAYS: [&str; 3] = ["minikube", "production", "production-secrets-manager"];

static BUILT: LazyLock<BTreeMap<&str, Vec<Value>>> =
    LazyLock::new(|| OVERLAYS.map(|overlay| (overlay, build(overlay))).into());

fn build(overlay: &str) -> Vec<Value> {
    let mut kustomize = command(workspace().join("k8s-knative/build"), &Environment::new());
    kustomize.arg(overlay);
    let built = output(kustomize, b"", Duration::from_mins(1));
    assert!(built.status.success(), "{overlay}: {}", built.stderr);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&built.stdout).expect("YAML");
    assert!(documents.len() > 5, "{overlay}: {}", built.stdout);
    documents
}

/// The documents of an overlay.
pub(crate) fn documents(overlay: &str) -> &'static [Value] {
    &BUILT[overlay]
}

/// One document of an overlay. The name of a `ConfigMap` is the part before the hash of its content.
pub(crate) fn document(overlay: &str, kind: &str, name: &str) -> &'static Value {
    let is_it = |document: &&Value| {
        let given = document["metadata"]["name"].as_str().unwrap_or_default();
        let hashed = given.rsplit_once('-').filter(|_| kind == "ConfigMap");
        document["kind"] == kind && (given == name || hashed.is_some_and(|it| it.0 == name))
    };
    let found = documents(overlay).iter().find(is_it);
    found.unwrap_or_else(|| panic!("{overlay} has no {kind} {name}"))
}
