//! The gateway of the Flask service keeps working unchanged.

use std::fs;

use system_tests::{Environment, python, scratch, service::Service};

#[test]
#[ignore = "needs PyJWT: make test"]
fn the_gateway_of_the_flask_service_keeps_working_unchanged() {
    let folder = scratch::directory();
    let target = folder.path().display().to_string();
    let local = Service::start("local", [("CARGO_TARGET_DIR".into(), target)].into());
    let variables = Environment::from([
        ("AUTH_SVC_ADDRESS".into(), local.url("").replace("http://", "")),
        ("JWT_SECRET".into(), fs::read_to_string(folder.path().join("local/jwt-secret")).unwrap()),
    ]);
    let checked = python::run("flask_gateway.py", &variables);
    assert!(checked.status.success(), "{}", checked.stderr);
    assert!(checked.stderr.contains("Ran 5 tests"), "{}", checked.stderr);
}
