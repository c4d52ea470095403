//! The command line of whoever looks after the users.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_admin::run()
}
