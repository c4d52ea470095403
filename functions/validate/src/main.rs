//! The `validate` function: on Lambda, on Knative, or anywhere.

use shared::serve::{GatewayEvent, RequestCounter, run};

fn main() -> std::process::ExitCode {
    run::<GatewayEvent, _>(
        "validate",
        Some(RequestCounter::Validate),
        |reader, transport| validate::configure(reader, transport, validate::router),
        &|name| std::env::var_os(name),
    )
}
