//! `openapi.json`.

use std::fs;

use system_tests::{Environment, service::run, workspace};

#[test]
fn the_checked_in_document_is_what_the_code_says() {
    let printed = run("local", &["openapi"], &Environment::new(), "");
    assert!(printed.status.success(), "{}", printed.stderr);
    let kept = fs::read_to_string(workspace().join("openapi.json")).unwrap_or_default();
    assert!(kept == printed.stdout, "openapi.json is not current: make openapi");
}
