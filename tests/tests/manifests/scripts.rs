//! The scripts beside the manifests, as far as they go without a cluster.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use serde_json::Value;
use shared::{keys::Keys, users::UserStore};
use system_tests::{
    Environment,
    cargo_lambda::cargo_variables,
    mariadb,
    process::{Output, command, output},
    scratch, stores, workspace,
};

use crate::document::problems;

const LIMIT: Duration = Duration::from_mins(10);

fn run(script: &str, arguments: &[&str], variables: &Environment) -> Output {
    let mut run = command(workspace().join("k8s-knative").join(script), variables);
    run.args(arguments).current_dir(workspace());
    output(run, b"", LIMIT)
}

/// The member of a Secret, as text.
fn member(secret: &Value, name: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = secret["data"][name].as_str().unwrap_or_else(|| panic!("{name} in {secret}"));
    String::from_utf8(STANDARD.decode(text).expect("Base64")).expect("text")
}

#[test]
#[ignore = "builds auth-admin: make test"]
fn secrets_are_made_once_for_their_owner_alone_and_ignored_by_git() {
    let folder = scratch::directory();
    let path = folder.path().join("secrets.yaml");
    let file = path.display().to_string();
    let made = run("secrets", &[&file], &cargo_variables());
    assert!(made.status.success(), "{}{}", made.stdout, made.stderr);
    let permissions = fs::metadata(&path).expect("a file").permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);

    let text = fs::read_to_string(&path).expect("text");
    let secrets: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let named = |name: &str| {
        secrets.iter().find(|secret| secret["metadata"]["name"] == name).expect("a Secret")
    };
    assert!(secrets.iter().all(|secret| problems(secret).is_empty()), "{secrets:?}");
    assert!(member(named("mysql-root"), "MYSQL_ROOT_PASSWORD").len() >= 32);
    assert!(member(named("auth-secret"), "MYSQL_PASSWORD").len() >= 32);
    let keys = |name: &str| Keys::read(&member(named(name), "keys.json").into()).expect("keys");
    assert!(keys("auth-jwt").signing().is_some());
    assert!(keys("auth-jwt-public").signing().is_none(), "validate signs nothing");

    let ignored = fs::read_to_string(workspace().join(".gitignore")).expect("a file");
    assert!(ignored.lines().any(|line| line == "/k8s-knative/overlays/minikube/secrets.yaml"));

    let again = run("secrets", &[&file], &cargo_variables());
    assert!(again.status.success(), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&path).expect("text"), text, "what is there is kept");
}

#[test]
fn minikube_says_at_once_which_tools_are_missing() {
    let folder = scratch::directory();
    for tool in ["bash", "dirname", "setpriv"] {
        let target = ["/usr/bin", "/bin"].map(|it| std::path::Path::new(it).join(tool));
        let target = target.iter().find(|it| it.exists()).expect("a usual tool");
        std::os::unix::fs::symlink(target, folder.path().join(tool)).expect("a link");
    }
    let path = Environment::from([("PATH".into(), folder.path().display().to_string())]);
    let said = run("minikube", &[], &path);
    assert!(!said.status.success());
    let missing = "minikube: missing: cargo minikube kubectl curl buildah|podman|docker\n";
    assert_eq!(said.stderr, missing);
}

/// A cluster whose node can give so much, and on which nothing else can be done.
const KUBECTL: &str = r#"#!/bin/sh
case "$*" in
"get crd services.serving.knative.dev") ;;
"get nodes "*) echo "$ALLOCATABLE" ;;
*) exit 1 ;;
esac
"#;

#[test]
fn minikube_says_at_once_that_its_node_is_too_small() {
    let folder = scratch::directory();
    // Nothing is built where it is not too small.
    let (works, fails) = ("#!/bin/sh\n", "#!/bin/sh\nexit 1\n");
    let tools = [("minikube", works), ("kubectl", KUBECTL), ("cargo", fails), ("buildah", fails)];
    for (name, script) in tools {
        let path = folder.path().join(name);
        fs::write(&path, script).expect("scratch can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("scratch");
    }
    let folder = folder.path().display();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("a path"));
    for (allocatable, pods_can_have) in [
        ("2 8000000Ki", Some("2000m and 7812 MiB")),
        ("3299m 8000000Ki", Some("3299m and 7812 MiB")),
        ("4 2999Mi", Some("4000m and 2999 MiB")),
        ("4 3221225472", None),
        ("2 2000Mi\n1900m 2000Mi", None),
    ] {
        let variables = [("PATH", path.as_str()), ("ALLOCATABLE", allocatable)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let said = run("minikube", &[], &variables);
        assert!(!said.status.success(), "{allocatable}");
        let is_too_small = said.stderr.contains("minikube start --cpus 4 --memory 4g");
        assert_eq!(is_too_small, pods_can_have.is_some(), "{allocatable}: {}", said.stderr);
        assert!(said.stderr.contains(pods_can_have.unwrap_or_default()), "{}", said.stderr);
    }
}

/// As the image of MySQL runs it, with a password that is hard to quote.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn mysql_is_initialised_by_the_one_init_sql() {
    const PASSWORD: &str = "it's \"hard\" \\ to %s quote ü";
    let server = mariadb::start();
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PASSWORD".into(), PASSWORD.into());
    let init_sql = workspace().join("init.sql").display().to_string();
    let port = server.port().to_string();
    let script = [
        ("AUTH_PASSWORD", PASSWORD),
        ("MYSQL_ROOT_PASSWORD", ""),
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_TCP_PORT", &port),
        ("INIT_SQL", &init_sql),
    ];
    let script = script.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let initialised = run("overlays/minikube/initialise.sh", &[], &script);
    assert!(initialised.status.success(), "{}{}", initialised.stdout, initialised.stderr);
    assert!(stores::open(&variables, 1).await.ping().await.is_ok(), "auth_user logs in");
}
