//! `/docs` of `make run`.

use std::{fs, path::Path};

use system_tests::{scratch, service::Service, workspace};

const USER: &str = "demo@example.com";
const PASSWORD: &str = "correct horse battery staple";

fn start(folder: &Path) -> Service {
    let target = folder.display().to_string();
    Service::start("local", [("CARGO_TARGET_DIR".into(), target)].into())
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
