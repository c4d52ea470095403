//! The source of a request that comes through Lambda: who called the gateway.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use system_tests::{
    binaries,
    contract::{ContractRequest, SECRET},
    database::DatabaseServer,
    gateway_events::Gateway,
    process::{Process, command},
    runtime_api::RuntimeApi,
};

use crate::{ADA, PASSWORD, server};

/// The status that the function answers an event with.
fn log_in(api: &RuntimeApi, event: &Value) -> u16 {
    let deadline = SystemTime::now() + Duration::from_secs(10);
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    api.next_call().answer_until(deadline, &event.to_string());
    let response = api.next_call();
    let answered: Value = serde_json::from_slice(&response.body).unwrap();
    response.answer("");
    serde_json::from_value(answered["statusCode"].clone()).unwrap()
}

fn start(server: &DatabaseServer, api: &RuntimeApi, variables: &[(&str, &str)]) -> Process {
    let mut all = server.login_variables();
    let address = api.address();
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "login"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("JWT_SECRET", SECRET),
    ];
    for (name, value) in lambda.iter().chain(variables) {
        all.insert((*name).into(), (*value).into());
    }
    Process::start("login", command(binaries::path("login"), &all))
}

/// A login of a client that says that it is another one.
fn request(number: u8, email: &str, password: &str) -> ContractRequest {
    let request = ContractRequest::new("POST", "/login").basic(email, password);
    request.header("x-forwarded-for", format!("198.51.100.{number}"))
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_source_behind_a_gateway_is_locked_whatever_it_says_of_itself() {
    let (server, api) = (server().await, RuntimeApi::new());
    let _login = start(&server, &api, &[("LOGIN_SOURCE_LIMIT", "2")]);

    let gateways = [Gateway::FunctionUrl, Gateway::RestApi];
    for (number, gateway) in (0..).zip(gateways) {
        let wrong = request(number, &format!("{number}@example.com"), "wrong");
        assert_eq!(log_in(&api, &gateway.event(&wrong)), 401);
    }
    for (number, gateway) in (10..).zip(gateways) {
        let event = gateway.event(&request(number, ADA, PASSWORD));
        assert_eq!(log_in(&api, &event), 429, "{gateway:?}");
    }
    let mut other = Gateway::FunctionUrl.event(&request(20, ADA, PASSWORD));
    other["requestContext"]["http"]["sourceIp"] = json!("192.0.2.2");
    assert_eq!(log_in(&api, &other), 200, "another source");
    let keys = "SELECT subject FROM auth.login_throttle WHERE subject LIKE 's%' ORDER BY subject";
    assert!(server.query(keys).starts_with("source:192.0.2.1"), "{}", server.query(keys));
}

/// Its events name no source.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn behind_a_load_balancer_no_client_is_locked_for_the_failures_of_others() {
    let server = server().await;
    let log_in = |api: &RuntimeApi, number: u8, password: &str| {
        let email = if password == PASSWORD { ADA } else { &format!("{number}@example.com") };
        log_in(api, &Gateway::LoadBalancer.event(&request(number, email, password)))
    };
    let api = RuntimeApi::new();
    let lambda = start(&server, &api, &[("LOGIN_SOURCE_LIMIT", "2")]);
    for number in 0..5 {
        assert_eq!(log_in(&api, number, "wrong"), 401);
    }
    assert_eq!(log_in(&api, 9, PASSWORD), 200);
    assert_eq!(lambda.log().matches("set TRUSTED_PROXY_HOPS=1").count(), 1, "{}", lambda.log());

    // One of its own: the last call of the process before waits at the other one.
    let api = RuntimeApi::new();
    let variables = [("LOGIN_SOURCE_LIMIT", "2"), ("TRUSTED_PROXY_HOPS", "1")];
    let _lambda = start(&server, &api, &variables);
    for _ in 0..2 {
        assert_eq!(log_in(&api, 1, "wrong"), 401);
    }
    assert_eq!(log_in(&api, 1, PASSWORD), 429);
    assert_eq!(log_in(&api, 9, PASSWORD), 200, "another source");
}
