//! What `make run` starts.

use std::process::Command;

use system_tests::{
    process, scratch,
    service::{Service, run},
    wait,
};

#[test]
fn the_printed_lines_do_what_they_say() {
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let local = Service::start("local", [("CARGO_TARGET_DIR".into(), target)].into());
    let printed = wait::until("the lines", std::time::Duration::from_secs(5), || {
        Some(local.log()).filter(|log| log.contains(":wrong'"))
    });
    let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("  ")).collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("set -e; {}", lines.join("; echo; "))]);
    let output = process::output(shell, b"", std::time::Duration::from_secs(30));
    assert!(output.status.success(), "{}", output.stderr);
    assert_eq!(lines.len(), 4, "{printed}");
    assert!(output.stdout.starts_with("eyJ"), "{}", output.stdout);
    assert!(output.stdout.contains("x-auth-request-user: demo@example.com"), "{}", output.stdout);
    assert!(output.stdout.ends_with("invalid credentials"), "{}", output.stdout);
}

#[test]
fn users_and_key_are_kept_between_runs() {
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let start = || Service::start("local", [("CARGO_TARGET_DIR".into(), target.clone())].into());
    let first = start();
    let demo = first.request("POST", "/login");
    let token = demo.basic("demo@example.com", "correct horse battery staple").send();
    assert_eq!(token.status, 200);
    assert!(first.terminate().0.success());

    let url = format!("sqlite:{target}/local/users.sqlite");
    let add = ["user", "add", "ada@example.com", "--password-stdin"];
    let added = run(
        "auth-admin",
        &add,
        &[("DATABASE_URL".into(), url)].into(),
        "a long enough passphrase\n",
    );
    assert!(added.status.success(), "{}", added.stderr);

    let second = start();
    let ada = second
        .request("POST", "/login")
        .basic("ada@example.com", "a long enough passphrase")
        .send();
    assert_eq!(ada.status, 200, "the users");
    let validated = second.request("GET", "/validate").bearer(token.text()).send();
    assert_eq!(validated.status, 200, "the key");
}

#[test]
fn another_port_is_taken_where_8080_is_in_use() {
    // Whether this succeeds or somebody else has it: now it is taken.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", 8080));
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let environment = [("CARGO_TARGET_DIR".to_owned(), target)].into();
    let command = process::command(system_tests::binaries::path("local"), &environment);
    let local = process::Process::start("local", command);
    wait::until("a listener", std::time::Duration::from_secs(10), || {
        local.log().contains("listening address=127.0.0.1:").then_some(())
    });
    assert!(!local.log().contains("address=127.0.0.1:8080"), "{}", local.log());
}
