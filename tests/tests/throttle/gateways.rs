//! The source of a request that comes through Lambda: who called the gateway.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use system_tests::{
    binaries,
    contract::{ContractRequest, SECRET},
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

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_source_behind_a_gateway_is_locked_whatever_it_says_of_itself() {
    let (server, api) = (server().await, RuntimeApi::new());
    let mut variables = server.login_variables();
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", api.address().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "login"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ] {
        variables.insert(name.into(), value.into());
    }
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables.insert("LOGIN_SOURCE_LIMIT".into(), "2".into());
    let _login = Process::start("login", command(binaries::path("login"), &variables));

    let request = |number: u8, email: &str, password: &str| {
        let request = ContractRequest::new("POST", "/login").basic(email, password);
        request.header("x-forwarded-for", format!("198.51.100.{number}"))
    };
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
