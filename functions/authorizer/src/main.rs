//! The `authorizer` function: on Lambda, for API Gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::serve::run::<authorizer::Authorizer>()
}
