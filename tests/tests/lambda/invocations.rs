//! How many invocations a function takes at once, and the time that each has.

use std::{
    net::TcpListener,
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use system_tests::{
    contract::SECRET,
    environment,
    gateway_events::Gateway,
    http::Request,
    lambda::answer,
    process::Process,
    runtime_api::{Call, RuntimeApi},
};

/// `login` with a database that takes connections and never speaks.
fn start(api: &RuntimeApi, concurrency: &str) -> (Process, TcpListener) {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("mysql://u:x@{}/auth", silent.local_addr().expect("it is bound"));
    let concurrency = ("AWS_LAMBDA_MAX_CONCURRENCY", concurrency);
    let all = [("JWT_SECRET", SECRET), ("DATABASE_URL", &url), concurrency];
    (crate::start("login", api, environment(&all)), silent)
}

fn answered(response: &Call) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}

#[test]
fn as_many_invocations_at_once_as_the_platform_says() {
    let api = RuntimeApi::start();
    let _login = start(&api, "4");
    let [first, second, ..] = [(); 4].map(|()| api.next_call("/invocation/next"));
    let login = Request::new("POST", "/login");
    let event = |request: &Request| Gateway::FunctionUrl.event(request).to_string();
    first.answer(&event(&login.clone().basic("ada@example.com", "x")));
    second.answer(&event(&login));
    // It may ask for more before it answers.
    let mut calls = vec![api.any_call()];
    while calls[calls.len() - 1].path == "/invocation/next" {
        calls.push(api.any_call());
    }
    let first = answered(&calls[calls.len() - 1]);
    assert_eq!(first["statusCode"], 401, "the one that needs no database");
}

#[test]
fn an_invocation_is_answered_with_503_before_its_time_is_over() {
    let api = RuntimeApi::start();
    let (login, _silent) = start(&api, "1");
    let request = Request::new("POST", "/login").basic("ada@example.com", SECRET);
    let rows =
        [(Gateway::FunctionUrl, 1000), (Gateway::FunctionUrl, 400), (Gateway::LoadBalancer, 1000)];
    for (gateway, left) in rows {
        let left = Duration::from_millis(left);
        let invocation = api.next_call("/invocation/next");
        let deadline = (SystemTime::now() + left).duration_since(SystemTime::UNIX_EPOCH);
        let since = Instant::now();
        let deadline = deadline.expect("it is after 1970").as_millis();
        invocation.answer_until(deadline, &gateway.event(&request).to_string());
        let response = api.next_call("/invocation/one/response");
        let elapsed = since.elapsed();
        let event = answered(&response);
        let said = answer(&event);
        assert_eq!((said.status, said.text()), (503, "service unavailable"));
        assert_eq!(said.header("retry-after"), Some("2"));
        assert!((left / 2..left).contains(&elapsed), "{elapsed:?} of {left:?}");
        if gateway == Gateway::LoadBalancer {
            assert_eq!(event["statusDescription"], "503 Service Unavailable");
        }
        response.answer("");
    }
    assert_eq!(login.log().matches("no answer in time").count(), rows.len(), "{}", login.log());
}
