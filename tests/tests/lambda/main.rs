//! The functions behind the Lambda runtime protocol.

mod contract;
mod invocations;
mod metrics;
mod snapshots;

use system_tests::{
    Environment,
    gateway_events::Gateway,
    http::{Answer, Request},
    lambda::{answer, runtime_variables},
    process::{Process, binary, command},
    runtime_api::{Call, RuntimeApi},
};

/// Starts a function with this runtime API.
fn start(name: &str, api: &RuntimeApi, variables: Environment) -> Process {
    let mut all = runtime_variables(&api.address);
    all.extend(variables);
    Process::start(name, command(binary(name), &all))
}

/// What a client of the function's URL gets that sends this request as this invocation.
fn exchange(api: &RuntimeApi, invocation: Call, request: &Request) -> Answer {
    invocation.answer(&Gateway::FunctionUrl.event(request).to_string());
    let response = api.next_call("/invocation/one/response");
    answer(&serde_json::from_str(&response.body).expect("JSON"))
}
