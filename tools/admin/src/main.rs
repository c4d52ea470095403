//! The command line of whoever looks after users and keys.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_admin::run()
}
