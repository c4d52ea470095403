//! The `authorizer` function: on Lambda, for API Gateway.

use std::process::ExitCode;

use authorizer::AuthorizerEvent;
use shared::{serve::run, telemetry::RequestCounter};

fn main() -> ExitCode {
    run::<AuthorizerEvent, _>(
        "authorizer",
        Some(RequestCounter::Validate),
        |reader, transport| validate::configure(reader, transport, authorizer::router),
        &|name| std::env::var_os(name),
    )
}
