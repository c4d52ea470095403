//! The document itself.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    process::{command, output},
    python, scratch, workspace,
};

/// What the validator says of a document.
fn problems(path: &Path) -> Option<String> {
    let mut validator = command(python::program("openapi-spec-validator"), &Environment::new());
    validator.args(["--schema", "3.1", "--subschema-errors", "all"]).arg(path);
    let output = output(validator, b"", Duration::from_mins(1));
    (!output.status.success()).then(|| output.stdout + &output.stderr)
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn it_is_openapi_3_1() {
    assert_eq!(problems(&workspace().join("openapi.json")), None);
}

#[test]
#[ignore = "needs the Python packages: make test"]
fn a_document_that_breaks_the_schema_is_told() {
    let folder = scratch::directory();
    let path = folder.path().join("openapi.json");
    let mut document = super::schemathesis::document();
    document["paths"]["/login"]["post"]["responses"]["200"]["headers"] = Value::from("none");
    fs::write(&path, document.to_string()).expect("scratch can be written");
    assert!(problems(&path).is_some());
}
