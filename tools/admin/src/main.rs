//! Runs [`auth_admin`].

use std::process::ExitCode;

// One thread is enough: hashes are computed on other threads, and there is only one connection to
// the database.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    auth_admin::run().await
}
