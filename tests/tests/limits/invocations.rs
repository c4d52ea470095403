//! The time that an invocation has on Lambda.

use std::{
    net::TcpListener,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};
use system_tests::{
    binaries,
    contract::SECRET,
    http::basic,
    process::{Process, command},
    runtime_api::{API, RuntimeApi},
};

use crate::with_key;

/// What the function answers to a login on a database that never speaks, and when.
fn answer(api: &RuntimeApi, left: Duration, event: &Value) -> (Value, Duration) {
    let invocation = api.next_call();
    assert_eq!(invocation.path, format!("{API}/invocation/next"));
    let deadline = SystemTime::now() + left;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let since = Instant::now();
    invocation.answer_until(deadline, &event.to_string());
    let response = api.next_call();
    let elapsed = since.elapsed();
    assert_eq!(response.path, format!("{API}/invocation/one/response"));
    let answered = serde_json::from_slice(&response.body).unwrap();
    response.answer("");
    (answered, elapsed)
}

#[test]
fn an_invocation_is_answered_with_503_before_its_time_is_over() {
    // Its queue takes connections, and nobody ever speaks.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("mysql://u:x@127.0.0.1:{}/auth", silent.local_addr().unwrap().port());
    let api = RuntimeApi::new();
    let variables = with_key(&[
        ("AWS_LAMBDA_RUNTIME_API", &api.address()),
        ("AWS_LAMBDA_FUNCTION_NAME", "login"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("DATABASE_URL", &url),
    ]);
    let login = Process::start("login", command(binaries::path("login"), &variables));
    let headers = json!({ "authorization": basic("ada@example.com", SECRET) });
    let url_event = json!({
        "version": "2.0", "rawPath": "/login", "headers": headers,
        "requestContext": { "http": { "method": "POST" }, "stage": "$default" },
    });
    let balancer_event = json!({
        "path": "/login", "httpMethod": "POST", "headers": headers,
        "requestContext": { "elb": {} },
    });
    for (event, left) in [(&url_event, 2000), (&balancer_event, 2000), (&url_event, 400)] {
        let left = Duration::from_millis(left);
        let (answered, elapsed) = answer(&api, left, event);
        assert_eq!(answered["statusCode"], 503, "{answered}");
        assert_eq!(answered["body"], "service unavailable");
        assert_eq!(answered["headers"]["retry-after"], "2");
        assert!((left / 2..left).contains(&elapsed), "{elapsed:?} of {left:?}");
    }
    let balancer = answer(&api, Duration::from_secs(1), &balancer_event).0;
    assert_eq!(balancer["statusDescription"], "503 Service Unavailable");
    assert_eq!(login.log().matches("no answer in time").count(), 4, "{}", login.log());
}
