//! The `login` function: on Lambda, on Knative, or anywhere.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::serve::run::<login::Login>()
}
