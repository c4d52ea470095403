//! The process that `make run` starts.

use std::{net::TcpListener, path::Path, process::Command, time::Duration};

use shared::users::SqliteUsers;
use system_tests::{Environment, Process, Service, process, scratch, stores, wait};

const USER: &str = "demo@example.com";
const PASSWORD: &str = "correct horse battery staple";

fn variables(folder: &Path) -> Environment {
    [("CARGO_TARGET_DIR".into(), folder.display().to_string())].into()
}

#[test]
fn the_printed_commands_work_and_the_page_loads_nothing_from_other_origins() {
    let folder = scratch::directory();
    let local = Service::start("local", variables(folder.path()));
    let printed = wait::until("the lines", Duration::from_secs(5), || {
        Some(local.log()).filter(|log| log.contains(":wrong'"))
    });
    let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("  ")).collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("set -e; {}", lines.join("; echo; "))]);
    let output = process::output(shell, b"", Duration::from_secs(30));
    assert!(output.status.success(), "{}", output.stderr);
    assert_eq!(lines.len(), 4, "{printed}");
    assert!(output.stdout.starts_with("eyJ"), "{}", output.stdout);
    assert!(output.stdout.contains("x-auth-request-user: demo@example.com"), "{}", output.stdout);
    assert!(output.stdout.ends_with("invalid credentials"), "{}", output.stdout);

    for path in ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json"] {
        let answer = local.request("GET", path).send();
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let page = local.request("GET", "/docs").send();
    assert!(page.text().contains(USER) && page.text().contains(PASSWORD));
    let root = local.request("GET", "/").send();
    assert_eq!((root.status, root.header("location")), (303, Some("/docs")));
}

#[tokio::test]
async fn users_and_key_are_kept_between_runs() {
    let folder = scratch::directory();
    let start = || Service::start("local", variables(folder.path()));
    let first = start();
    let token = first.request("POST", "/login").basic(USER, PASSWORD).send();
    assert_eq!(token.status, 200);
    assert!(first.terminate().0.success());

    let users = SqliteUsers::open(&folder.path().join("local/users.sqlite")).await;
    let ada = stores::new_users(&[("ada@example.com", "ada")]).await;
    users.expect("a database").add(&ada).await.expect("a new user");

    let second = start();
    let ada = second.request("POST", "/login").basic("ada@example.com", "ada").send();
    assert_eq!(ada.status, 200, "the users");
    let validated = second.request("GET", "/validate").bearer(token.text()).send();
    assert_eq!(validated.status, 200, "the key");
}

#[test]
fn another_port_is_used_if_8080_is_in_use() {
    // If this fails, another process uses the port already.
    let _taken = TcpListener::bind(("127.0.0.1", 8080));
    let folder = scratch::directory();
    let command = process::command(process::binary("local"), &variables(folder.path()));
    let local = Process::start("local", command);
    wait::until("a listener", Duration::from_secs(10), || {
        local.log().contains("listening address=127.0.0.1:").then_some(())
    });
    assert!(!local.log().contains("address=127.0.0.1:8080"), "{}", local.log());
}
