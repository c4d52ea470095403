//! The images of `make image`, run by podman with the least that they may need.

use std::{fs, process::Command, time::Duration};

use system_tests::{
    Environment,
    process::{Output, command, output},
    scratch,
    service::Service,
};

const LIMIT: Duration = Duration::from_secs(40);

/// No descriptors and processes beyond what a test needs, so that it also runs where the
/// machine itself is a container; the end by itself, should the test be killed.
const OPTIONS: [&str; 15] = [
    "--runtime=runc",
    "run",
    "--rm",
    "--timeout=300",
    "--pull=never",
    "--network=host",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--read-only",
    "--read-only-tmpfs=false",
    "--user=65532:65532",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory-swap=-1",
    "--log-driver=none",
];

/// Starts `login` or `validate` in a container with these variables and further options of
/// `podman run`, and waits until it is ready.
pub(crate) fn start(name: &str, options: &[&str], variables: Environment) -> Service {
    Service::start_by(name, |variables| podman(name, options, variables), variables)
}

/// The same for one whose `/readyz` is 503.
pub(crate) fn start_unready(name: &str, variables: Environment) -> Service {
    Service::start_unready_by(name, |variables| podman(name, &[], variables), variables)
}

/// Runs `login` or `validate` in a container to its end.
pub(crate) fn run(name: &str) -> Output {
    output(podman(name, &[], &Environment::new()), b"", LIMIT)
}

/// What the image of a function says of itself, in JSON.
pub(crate) fn inspect(name: &str) -> serde_json::Value {
    let inspected = ask(&["image", "inspect", &image(name)]);
    serde_json::from_str(&inspected).expect("podman speaks JSON")
}

/// A file of a function's image.
pub(crate) fn file(name: &str, path: &str) -> Vec<u8> {
    let folder = scratch::directory();
    let copy = folder.path().join("copy").display().to_string();
    let id = ask(&["create", "--pull=never", &image(name)]);
    let id = id.trim();
    ask(&["cp", &format!("{id}:{path}"), &copy]);
    ask(&["rm", id]);
    fs::read(copy).expect("the copy")
}

/// What podman prints.
fn ask(arguments: &[&str]) -> String {
    let mut podman = command("podman", &Environment::new());
    podman.args(arguments);
    let said = output(podman, b"", LIMIT);
    assert!(said.status.success(), "run `make image`: {}", said.stderr);
    said.stdout
}

fn image(name: &str) -> String {
    format!("dev.local/auth-{name}:dev")
}

fn podman(name: &str, options: &[&str], variables: &Environment) -> Command {
    let mut podman = command("podman", &Environment::new());
    podman.args(OPTIONS).args(options);
    for (name, value) in variables {
        podman.arg("--env").arg(format!("{name}={value}"));
    }
    podman.arg(image(name));
    podman
}
