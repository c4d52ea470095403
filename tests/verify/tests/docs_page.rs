//! `/docs` of `make run`: what a person clicks there, in a real browser.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{Environment, process, python, scratch, service::Service, workspace};

const USER: &str = "demo@example.com";
const PASSWORD: &str = "correct horse battery staple";

#[test]
#[ignore = "needs Chromium: make verify"]
fn a_person_logs_in_and_validates_by_clicking() {
    println!("clicking through /docs in Chromium (some seconds)");
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let local = Service::start("local", [("CARGO_TARGET_DIR".into(), target)].into());
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
    let requests = seen["requests"].as_array().expect("addresses");
    let mut urls = requests.iter().filter_map(Value::as_str);
    let is_here = |url: &str| url.starts_with(&local.url("/")) || url.starts_with("data:");
    assert!(requests.len() > 5 && urls.all(is_here), "{requests:?}");
}
