//! The document itself.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use system_tests::{
    Environment,
    process::{command, output},
    python, scratch, workspace,
};

/// Whether the validator finds it good.
fn is_openapi_3_1(path: &Path) -> bool {
    let mut validator = command(python::program("openapi-spec-validator"), &Environment::new());
    validator.args(["--schema", "3.1", "--subschema-errors", "all"]).arg(path);
    let output = output(validator, b"", Duration::from_mins(1));
    println!("{}{}", output.stdout, output.stderr);
    output.status.success()
}

#[test]
#[ignore = "needs the Python packages: make verify"]
fn it_is_openapi_3_1_and_one_that_breaks_the_schema_is_not() {
    assert!(is_openapi_3_1(&workspace().join("openapi.json")));
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    let mut document = super::schemathesis::document();
    document["paths"]["/login"]["post"]["responses"]["200"]["headers"] = json!("none");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    assert!(!is_openapi_3_1(&path));
}
