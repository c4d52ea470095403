//! `k8s-knative/`: every overlay builds, each document in it is one that Kubernetes and Knative take,
//! and its scripts make secrets and a database. And the manifests of gateways that no test can run
//! let nothing through without a token.

use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt, sync::LazyLock, time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Namespace, PodTemplateSpec, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::{keys::Keys, users::UserStore};
use system_tests::{
    Environment, environment, mariadb,
    process::{Output, cargo_variables, command, output},
    scratch, stores, with, workspace,
};

const OVERLAYS: [&str; 3] = ["minikube", "production", "production-secrets-manager"];

/// What is expected of them.
static FACTS: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../data/manifests.yaml")).expect("YAML"));

/// Each overlay, built once.
static BUILT: LazyLock<BTreeMap<&str, Vec<Value>>> = LazyLock::new(|| {
    let build = |overlay| {
        let built = run("build", &[overlay], &Environment::new());
        assert!(built.status.success(), "{overlay}: {}", built.stderr);
        (overlay, serde_saphyr::from_multiple(&built.stdout).expect("YAML"))
    };
    OVERLAYS.map(build).into()
});

fn run(script: &str, arguments: &[&str], variables: &Environment) -> Output {
    let mut run = command(workspace().join("k8s-knative").join(script), variables);
    run.args(arguments).current_dir(workspace());
    output(run, b"", Duration::from_mins(10))
}

/// One document of an overlay. The name of a `ConfigMap` is the part before the hash of its content.
fn document(overlay: &str, kind: &str, name: &str) -> &'static Value {
    let is_it = |document: &&Value| {
        let given = document["metadata"]["name"].as_str().unwrap_or_default();
        let hashed = given.rsplit_once('-').filter(|_| kind == "ConfigMap");
        document["kind"] == kind && (given == name || hashed.is_some_and(|it| it.0 == name))
    };
    let found = BUILT[overlay].iter().find(is_it);
    found.unwrap_or_else(|| panic!("{overlay} has no {kind} {name}"))
}

/// What is wrong with a document, read strictly as what it says it is.
fn problems(document: &Value) -> Vec<String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("serving.knative.dev/v1", "Service") => problems_of_knative(document),
        ("v1", "ConfigMap") => misfits::<ConfigMap>(document),
        ("v1", "Namespace") => misfits::<Namespace>(document),
        ("v1", "Secret") => misfits::<Secret>(document),
        ("v1", "Service") => misfits::<Service>(document),
        ("v1", "ServiceAccount") => misfits::<ServiceAccount>(document),
        ("apps/v1", "Deployment") => misfits::<Deployment>(document),
        ("apps/v1", "StatefulSet") => misfits::<StatefulSet>(document),
        ("networking.k8s.io/v1", "NetworkPolicy") => misfits::<NetworkPolicy>(document),
        (version, kind) => vec![format!("{version} {kind} is not known here")],
    }
}

/// What the document has that the type has no place for, or where it is of another type.
fn misfits<T: DeserializeOwned>(document: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let read = serde_ignored::deserialize::<_, _, T>(document, |path| {
        problems.push(format!("unknown field: {path}"));
    });
    problems.extend(read.err().map(|error| format!("wrong type: {error}")));
    problems
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Where a document differs from facts.
fn differences(document: &Value, facts: &Value) -> Vec<String> {
    let given = |path: &str| document.pointer(path).unwrap_or(&Value::Null);
    let wrong = members(facts).filter(|(path, fact)| given(path) != *fact);
    wrong.map(|(path, fact)| format!("{path}: {}, not {fact}", given(path))).collect()
}

fn problems_of_knative(document: &Value) -> Vec<String> {
    let mut problems = misfits::<ObjectMeta>(&document["metadata"]);
    let mut pod = document["spec"]["template"].clone();
    if let Some(members) = pod["spec"].as_object_mut() {
        // Knative's own.
        members.retain(|name, _| !["containerConcurrency", "timeoutSeconds"].contains(&&**name));
    }
    problems.extend(misfits::<PodTemplateSpec>(&pod));
    for (path, known) in members(&FACTS["members"]) {
        let is_known =
            |member: &str| known.as_str().is_some_and(|it| it.split(' ').any(|it| it == member));
        let given = document.pointer(path).into_iter().flat_map(members);
        let unknown = given.filter(|(member, _)| !is_known(member));
        problems.extend(unknown.map(|(member, _)| format!("unknown field: {path}/{member}")));
    }
    problems.extend(differences(document, &FACTS["functions"]));
    problems
}

#[test]
#[ignore = "needs kustomize: make test"]
fn every_document_is_one_that_kubernetes_and_knative_take_and_none_holds_a_secret() {
    for (overlay, documents) in &*BUILT {
        for document in documents {
            assert_eq!(problems(document), [""; 0], "{overlay}: {document}");
            let (kind, metadata) = (&document["kind"], &document["metadata"]);
            assert_ne!(kind, "Secret", "{overlay}");
            assert!(kind == "Namespace" || metadata["namespace"] == "auth", "{document}");
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test"]
fn each_overlay_sets_what_the_readme_says_and_gives_a_function_its_own_secrets_alone() {
    for (overlay, (name, facts)) in members(&FACTS["overlays"]).flat_map(|(overlays, documents)| {
        overlays.split(' ').flat_map(|it| members(documents).map(move |document| (it, document)))
    }) {
        let (kind, name) = name.split_once(' ').expect("a kind and a name");
        let differences = differences(document(overlay, kind, name), facts);
        assert_eq!(differences, [""; 0], "{overlay}: {kind} {name}");
    }
}

/// kustomize names them by their content.
#[test]
#[ignore = "needs kustomize: make test"]
fn both_functions_have_the_settings_of_both_and_a_changed_one_makes_a_new_revision() {
    let [minikube, production] = ["minikube", "production"].map(|overlay| {
        let [login, validate] = ["login", "validate"].map(|function| {
            &document(overlay, "Service", function)["spec"]["template"]["spec"]["containers"][0]
        });
        let names = [0, 1].map(|it| login["envFrom"][it]["configMapRef"]["name"].as_str());
        let [own, of_both] = names.map(|name| name.expect("a name"));
        assert!(own.starts_with("auth-configmap-") && of_both.starts_with("auth-settings-"));
        assert_eq!(validate["envFrom"], json!([login["envFrom"][1]]), "{overlay}");
        (own, of_both)
    });
    assert_ne!(minikube.0, production.0, "their settings differ");
    assert_eq!(minikube.1, production.1, "their settings are the same");
}

#[test]
fn a_gateway_that_no_test_runs_refuses_without_an_answer_and_lets_login_alone_through() {
    let files = ["istio/istio.yaml", "gateway-api/gateway-api.yaml", "flask/configmap.yaml"];
    let documents = files.map(|file| {
        let text = fs::read_to_string(workspace().join("examples/gateways").join(file));
        serde_saphyr::from_multiple::<Value>(&text.expect("a file")).expect("YAML")
    });
    let documents = documents.concat();
    assert_eq!(documents.len(), members(&FACTS["gateways"]).count(), "each kind has its facts");
    for document in documents {
        let facts = &FACTS["gateways"][document["kind"].as_str().expect("a kind")];
        assert!(facts.is_object(), "{document}");
        assert_eq!(differences(&document, facts), [""; 0], "{}", document["kind"]);
    }
}

#[test]
#[ignore = "builds auth-admin: make test"]
fn secrets_are_made_once_for_their_owner_alone_and_ignored_by_git() {
    let folder = scratch::directory();
    let path = folder.path().join("secrets.yaml");
    let file = path.display().to_string();
    let made = run("secrets", &[&file], &cargo_variables());
    assert!(made.status.success(), "{}{}", made.stdout, made.stderr);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);

    let text = fs::read_to_string(&path).expect("text");
    let secrets: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    assert!(secrets.iter().all(|secret| problems(secret).is_empty()), "{secrets:?}");
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
    assert_eq!(fs::read_to_string(&path).expect("text"), text, "what is there is kept");
}

/// As the image of MySQL runs it, with a password that is hard to quote.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn mysql_is_initialised_by_the_one_init_sql() {
    const PASSWORD: &str = "it's \"hard\" \\ to %s quote ü";
    let server = mariadb::start();
    let script = environment(&[
        ("AUTH_PASSWORD", PASSWORD),
        ("MYSQL_ROOT_PASSWORD", ""),
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_TCP_PORT", &server.port().to_string()),
        ("INIT_SQL", workspace().join("init.sql").to_str().expect("UTF-8")),
    ]);
    let initialised = run("overlays/minikube/initialise.sh", &[], &script);
    assert!(initialised.status.success(), "{}{}", initialised.stdout, initialised.stderr);
    let variables = with(server.login_variables(), &[("MYSQL_PASSWORD", PASSWORD)]);
    assert!(stores::open(&variables, 1).await.ping().await.is_ok(), "auth_user logs in");
}
