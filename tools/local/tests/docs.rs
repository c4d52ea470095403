//! `/docs`: what a person clicks there, in a real browser.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use system_tests::{Environment, process, python, scratch, service::Service, workspace};

const USER: &str = "demo@example.com";
const PASSWORD: &str = "correct horse battery staple";

fn start(folder: &Path) -> Service {
    let target = folder.display().to_string();
    Service::start("local", [("CARGO_TARGET_DIR".into(), target)].into())
}

#[test]
#[ignore = "needs Chromium: make test"]
fn a_person_logs_in_and_validates_by_clicking() {
    println!("clicking through /docs in Chromium (some seconds)");
    let folder = scratch::directory();
    let local = start(folder.path());
    let pictures = workspace().join("target/screenshots");
    fs::create_dir_all(&pictures).expect("target/ can be written");
    let variables = Environment::from([("HOME".into(), folder.path().display().to_string())]);
    let mut visit = process::command(python::program("python"), &variables);
    visit.arg(workspace().join("tests/python/docs_page.py"));
    visit.args([&local.url(""), USER, PASSWORD]).arg(pictures.join("docs.png"));
    let output = process::output(visit, b"", Duration::from_mins(2));
    assert!(output.status.success(), "{}", output.stderr);
    let seen: Value = serde_json::from_str(&output.stdout).expect("JSON");

    assert_eq!(seen["login"]["status"], 200, "{seen}");
    assert!(seen["login"]["body"].as_str().is_some_and(|body| body.starts_with("eyJ")), "{seen}");
    assert_eq!(seen["validate"]["status"], 200, "{seen}");
    let claims = seen["validate"]["body"].as_str().expect("a body");
    let claims: Value = serde_json::from_str(claims).expect("the claims");
    assert_eq!(claims["username"], USER);
    assert_eq!(seen["refused"]["status"], 401, "{seen}");
    assert_eq!(seen["console"], Value::Array(Vec::new()), "the browser complains");
    let requests: Vec<&str> =
        seen["requests"].as_array().expect("addresses").iter().filter_map(Value::as_str).collect();
    assert!(requests.len() > 5, "{requests:?}");
    let elsewhere = |url: &&&str| !url.starts_with(&local.url("/")) && !url.starts_with("data:");
    assert_eq!(requests.iter().find(elsewhere), None);
}

#[test]
fn the_page_lets_nothing_in_from_elsewhere() {
    let folder = scratch::directory();
    let local = start(folder.path());
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
    let document = local.request("GET", "/openapi.json").send();
    let kept = fs::read_to_string(workspace().join("openapi.json")).expect("it is checked in");
    assert!(document.text() == kept, "the page has another document than openapi.json");
}

#[test]
fn the_root_leads_to_the_page() {
    let folder = scratch::directory();
    let answer = start(folder.path()).request("GET", "/").send();
    assert_eq!((answer.status, answer.header("location")), (303, Some("/docs")));
}

#[test]
fn the_functions_have_no_such_page() {
    let key = ("JWT_SECRET".into(), "a key of 32 bytes, and one or two more".into());
    let validate = Service::start("validate", [key].into());
    for path in ["/docs", "/openapi.json"] {
        assert_eq!(validate.request("GET", path).send().status, 404, "{path}");
    }
}
