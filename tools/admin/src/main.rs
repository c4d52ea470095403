//! Runs [`auth_admin`].

use std::process::ExitCode;

// One thread is enough: hashes are computed on threads of their own, and there is one connection to
// the database.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    auth_admin::run().await
}
