//! The `validate` function: on Lambda, on Knative, or anywhere.

use std::process::ExitCode;

use shared::{
    serve::{GatewayEvent, run},
    telemetry::RequestCounter,
};

fn main() -> ExitCode {
    run::<GatewayEvent, _>(
        "validate",
        Some(RequestCounter::Validate),
        |reader, transport| validate::configure(reader, transport, validate::router),
        &|name| std::env::var_os(name),
    )
}
