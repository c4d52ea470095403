//! One log line per request. Tests of what is never logged are in `contract.rs` and `attacks/`.

use std::{collections::HashSet, thread, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment, Service, environment, lambda::TRACE as XRAY_TRACE, output, shell, token,
};

/// The trace id of a `traceparent`.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn each_request_is_logged_in_one_json_line() {
    let validate = Service::start("validate", Environment::new());
    let good = token("ada@example.com", false);
    let request = validate.request("PUT", "/validate/orders?secret=1").bearer(&good);
    let request = request.header("x-request-id", "id-of-the-gateway");
    let _ = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")).send();
    let request = validate.request("GET", "/").bearer("x").header("traceparent", "x");
    let _ = request.header("x-amzn-trace-id", format!("Root={XRAY_TRACE};Sampled=1")).send();
    let client = || {
        for _ in 0..50 {
            let request = validate.request("GET", "/validate").bearer(&good);
            assert_eq!(request.send().status, 200);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(client);
        }
    });
    let (status, log) = validate.terminate();
    assert!(status.success());
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON in each line"));
    let requests: Vec<Value> = lines.filter(|line: &Value| line["message"] == "request").collect();
    let [good, bad, untraced, ..] = &requests[..] else { panic!("{log}") };
    assert_eq!((&good["method"], &good["path"]), (&"PUT".into(), &"/validate/orders".into()));
    assert_eq!((&good["status"], &good["outcome"]), (&200.into(), &"authn_token_verified".into()));
    assert_eq!(good["request_id"], "id-of-the-gateway");
    assert_eq!((&good["trace_id"], &bad["trace_id"]), (&TRACE.into(), &XRAY_TRACE.into()));
    assert!(untraced.get("trace_id").is_none(), "{untraced}");
    let ids = requests[1..].iter().filter_map(|line| line["request_id"].as_str());
    let ids: HashSet<_> = ids.filter(|id| id.len() == 36 && id.as_bytes()[14] == b'4').collect();
    assert_eq!(ids.len(), 201, "a random UUID for each request that has no id");
    assert!(good["duration_ms"].as_f64().is_some_and(|time| time > 0.0));
    assert_eq!((&bad["outcome"], &bad["reason"]), (&"authz_fail".into(), &"malformed".into()));
    let verified = requests.iter().filter(|line| line["outcome"] == "authn_token_verified");
    assert_eq!((requests.len(), verified.count()), (202, 201), "all lines are there at the end");
}

/// Standard error is a full device, or closed.
#[test]
fn a_log_that_cannot_be_written_changes_neither_answers_nor_the_exit_status() {
    for (line, levels) in [("exec \"$0\" 2>/dev/full", "info"), ("exec \"$0\" 2>&-", "trace")] {
        let variables = environment(&[("RUST_LOG", levels)]);
        let refused = output(shell("validate", line)(&variables), b"", Duration::from_secs(10));
        assert_eq!(refused.status.code(), Some(78), "{line}: the key is missing");

        let validate = Service::start_command("validate", shell("validate", line), 200, variables);
        let ada = token("ada@example.com", false);
        for (bearer, status) in [(ada.as_str(), 200), ("x", 403), (&ada, 200)] {
            assert_eq!(validate.request("GET", "/").bearer(bearer).send().status, status);
        }
        let (status, log) = validate.terminate();
        // The message of a panic would be lost too, but not its exit status.
        assert!(status.success() && log.is_empty(), "{line}: {status}, {log}");
    }
}
