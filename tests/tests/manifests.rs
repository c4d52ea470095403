//! `k8s-knative/`: overlays build, their documents are valid for Kubernetes and Knative, and the
//! script generates secrets. Manifests of gateways that no test can run have expected values.

use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt, sync::LazyLock, time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::keys::Keys;
use system_tests::{Environment, Output, cargo_variables, command, output, scratch, workspace};

const OVERLAYS: [&str; 3] = ["minikube", "production", "production-secrets-manager"];

/// The expected values.
static FACTS: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../data/manifests.yaml")).expect("YAML"));

/// Each overlay, built once. kustomize appends a hash of the content to the names of `ConfigMap`s;
/// here it is replaced by `HASH`.
static BUILT: LazyLock<BTreeMap<&str, Vec<Value>>> = LazyLock::new(|| {
    let build = |overlay| {
        let built = run("build", &[overlay], &Environment::new());
        assert!(built.status.success(), "{overlay}: {}", built.stderr);
        let is_hash =
            |it: &str| it.len() == 10 && it.chars().all(|c| "2456789bcdfghkmt".contains(c));
        let lines = built.stdout.lines().map(|line| match line.rsplit_once('-') {
            Some((name, hash)) if is_hash(hash) => format!("{name}-HASH\n"),
            _ => format!("{line}\n"),
        });
        (overlay, serde_saphyr::from_multiple(&lines.collect::<String>()).expect("YAML"))
    };
    OVERLAYS.map(build).into()
});

fn run(script: &str, arguments: &[&str], variables: &Environment) -> Output {
    let mut run = command(workspace().join("k8s-knative").join(script), variables);
    run.args(arguments).current_dir(workspace());
    output(run, b"", Duration::from_mins(10))
}

/// Panics unless the documents are valid by Kubernetes' schemas. Of a Knative Service the pod is
/// checked, without Knative's own members, and with the ports of probes, which Knative adds.
fn assert_valid(documents: &[Value]) {
    let documents = documents.iter().map(|document| {
        if document["apiVersion"] != "serving.knative.dev/v1" {
            return document.to_string();
        }
        let mut template = document["spec"]["template"].clone();
        let pod = template["spec"].as_object_mut().expect("a pod");
        pod.retain(|name, _| !["containerConcurrency", "timeoutSeconds"].contains(&&**name));
        for probe in ["livenessProbe", "readinessProbe"] {
            template["spec"]["containers"][0][probe]["httpGet"]["port"] = 8080.into();
        }
        let spec = json!({ "selector": {}, "template": template });
        let metadata = &document["metadata"];
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec })
            .to_string()
    });
    let folder = scratch::directory();
    let file = folder.path().join("documents.yaml");
    fs::write(&file, documents.collect::<Vec<_>>().join("\n---\n")).expect("scratch");
    let mut validate = command("kubernetes-validate", &Environment::new());
    validate.args(["--strict", "--quiet"]).arg(file);
    let validated = output(validate, b"", Duration::from_mins(1));
    let found = (validated.status.success(), &*validated.stdout, &*validated.stderr);
    assert_eq!(found, (true, "", ""));
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Panics unless the document has these values at these JSON pointers.
fn assert_facts(document: &Value, facts: &Value) {
    for (path, fact) in members(facts) {
        let given = document.pointer(path).unwrap_or(&Value::Null);
        assert_eq!(given, fact, "{path} of {}", document["metadata"]);
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn every_document_is_valid_for_kubernetes_and_knative_and_contains_no_secret() {
    for (overlay, documents) in &*BUILT {
        assert_valid(documents);
        for document in documents {
            let (kind, metadata) = (&document["kind"], &document["metadata"]);
            assert_ne!(kind, "Secret", "{overlay}");
            assert!(kind == "Namespace" || metadata["namespace"] == "auth", "{document}");
            if document["apiVersion"] != "serving.knative.dev/v1" {
                continue;
            }
            for (path, known) in members(&FACTS["members"]) {
                let known: Vec<_> = known.as_str().expect("names").split_whitespace().collect();
                for (member, _) in document.pointer(path).into_iter().flat_map(members) {
                    assert!(known.contains(&&**member), "unknown field: {path}/{member}");
                }
            }
            assert_facts(document, &FACTS["functions"]);
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn each_overlay_matches_the_readme_and_gives_a_function_only_its_own_secrets() {
    for (overlays, facts) in members(&FACTS["overlays"]) {
        for (overlay, (name, facts)) in
            overlays.split(' ').flat_map(|it| members(facts).map(move |document| (it, document)))
        {
            let (kind, name) = name.split_once(' ').expect("a kind and a name");
            let is_it = |it: &&Value| it["kind"] == kind && it["metadata"]["name"] == name;
            println!("{overlay}: {kind} {name}");
            assert_facts(BUILT[overlay].iter().find(is_it).expect("the document"), facts);
        }
    }
}

#[test]
fn a_gateway_manifest_that_no_test_runs_fails_closed_and_exempts_only_login() {
    let files = ["istio/istio.yaml", "gateway-api/gateway-api.yaml", "flask/configmap.yaml"];
    let documents = files.map(|file| {
        let text = fs::read_to_string(workspace().join("examples/gateways").join(file));
        serde_saphyr::from_multiple::<Value>(&text.expect("a file")).expect("YAML")
    });
    let documents = documents.concat();
    assert_eq!(documents.len(), members(&FACTS["gateways"]).count(), "values for each kind");
    for document in documents {
        let facts = &FACTS["gateways"][document["kind"].as_str().expect("a kind")];
        assert!(facts.is_object(), "{document}");
        assert_facts(&document, facts);
    }
}

#[test]
#[ignore = "builds auth-admin: make test"]
fn generated_secrets_are_kept_and_readable_only_by_their_owner_and_ignored_by_git() {
    let folder = scratch::directory();
    let path = folder.path().join("secrets.yaml");
    let file = path.display().to_string();
    let made = run("secrets", &[&file], &cargo_variables());
    assert!(made.status.success(), "{}{}", made.stdout, made.stderr);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);

    let text = fs::read_to_string(&path).expect("text");
    let secrets: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    assert_valid(&secrets);
    let member = |name: &str, member: &str| {
        let secret = secrets.iter().find(|secret| secret["metadata"]["name"] == name);
        let text = STANDARD.decode(secret.expect("a Secret")["data"][member].as_str().expect("it"));
        String::from_utf8(text.expect("Base64")).expect("text")
    };
    assert!(member("mysql-root", "MYSQL_ROOT_PASSWORD").len() >= 32);
    assert!(member("auth-secret", "MYSQL_PASSWORD").len() >= 32);
    for (name, signs) in [("auth-jwt", true), ("auth-jwt-public", false)] {
        let keys = Keys::read(&member(name, "keys.json").into()).expect("keys");
        assert_eq!(keys.signing().is_some(), signs, "{name}");
    }

    let ignored = fs::read_to_string(workspace().join(".gitignore")).expect("a file");
    assert!(ignored.lines().any(|line| line == "/k8s-knative/overlays/minikube/secrets.yaml"));

    let again = run("secrets", &[&file], &cargo_variables());
    assert!(again.status.success(), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&path).expect("text"), text, "the file was overwritten");
}
