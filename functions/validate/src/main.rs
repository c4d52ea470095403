//! The `validate` function: on Lambda, on Knative, or anywhere.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::serve::run::<validate::Validate>()
}
