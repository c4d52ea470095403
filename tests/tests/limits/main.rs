//! What a client may take of a function: bytes, time and connections.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod connections;
mod logins;
mod requests;

use system_tests::{Environment, service::Service};

fn validate() -> Service {
    Service::start("validate", Environment::new())
}
