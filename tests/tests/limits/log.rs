//! A log that cannot be written to is no reason to answer otherwise.

use system_tests::{
    Environment,
    contract::token,
    service::{Service, run_by_shell},
};

use crate::with_key;

const NOWHERE: [&str; 2] = ["exec \"$0\" 2>/dev/full", "exec \"$0\" 2>&-"];

#[test]
fn a_full_disk_or_a_closed_standard_error_changes_no_answer() {
    for line in NOWHERE {
        for levels in ["info", "trace"] {
            let variables = with_key(&[("RUST_LOG", levels)]);
            let validate = Service::start_by_shell("validate", line, variables);
            let ada = token("ada@example.com", false);
            for (bearer, status) in [(ada.as_str(), 200), ("x", 403), (&ada, 200)] {
                assert_eq!(validate.request("GET", "/").bearer(bearer).send().status, status);
            }
            let (status, log) = validate.terminate();
            assert!(status.success(), "{line}: {status}");
            // All that a panic would say goes to the same place: it would be in the status.
            assert_eq!(log, "");
        }
    }
}

#[test]
fn an_unusable_configuration_is_78_though_nobody_can_read_why() {
    for line in NOWHERE {
        for levels in ["info", "off"] {
            let variables = Environment::from([("RUST_LOG".into(), levels.into())]);
            let output = run_by_shell("validate", line, &variables);
            assert_eq!(output.status.code(), Some(78), "{line} {levels}");
        }
    }
}
