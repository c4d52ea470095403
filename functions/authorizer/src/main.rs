//! The `authorizer` function: on Lambda, for API Gateway.

use authorizer::AuthorizerEvent;
use shared::serve::{RequestCounter, run};

fn main() -> std::process::ExitCode {
    run::<AuthorizerEvent, _>(
        "authorizer",
        Some(RequestCounter::Validate),
        |reader, transport| validate::configure(reader, transport, authorizer::router),
        &|name| std::env::var_os(name),
    )
}
