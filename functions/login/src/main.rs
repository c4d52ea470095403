//! The `login` function: on Lambda, on Knative, or anywhere.

use std::process::ExitCode;

use shared::{
    serve::{GatewayEvent, run},
    telemetry::RequestCounter,
};

fn main() -> ExitCode {
    let counter = Some(RequestCounter::Login);
    run::<GatewayEvent, _>("login", counter, login::configure, &|name| std::env::var_os(name))
}
