//! The `login` function: on Lambda, on Knative, or anywhere.

use shared::serve::{GatewayEvent, RequestCounter, run};

fn main() -> std::process::ExitCode {
    let counter = Some(RequestCounter::Login);
    run::<GatewayEvent, _>("login", counter, login::configure, &|name| std::env::var_os(name))
}
