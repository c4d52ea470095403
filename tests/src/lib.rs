//! What tests of the whole system stand on: processes, real database servers, and HTTP.
//!
//! What a test starts ends with it; see [`process`]. Data lies in `target/test-servers`, see [`scratch`].
//!
//! A test that needs a server says so, and `make test` runs it:
//!
//! ```no_run
//! use system_tests::{mariadb, service::Service};
//!
//! #[test]
//! #[ignore = "needs MariaDB: make test"]
//! fn an_unknown_user_is_refused() {
//!     let database = mariadb::shared();
//!     let mut variables = database.login_variables();
//!     variables.insert("JWT_SECRET".into(), "a key of 32 bytes, and one or two more".into());
//!     let login = Service::start("login", variables);
//!     let answer = login.request("POST", "/login").header("Authorization", "Basic YTpi").send();
//!     assert_eq!((answer.status, answer.text()), (401, "invalid credentials"));
//! }
//! ```

pub mod binaries;
pub mod cargo_lambda;
pub mod certificates;
pub mod clock;
pub mod contract;
pub mod database;
pub mod even_load;
pub mod fake_http;
pub mod forge;
pub mod gateway;
pub mod gateway_events;
pub mod http;
pub mod http_door;
pub mod lambda_emulator;
pub mod lambda_process;
pub mod measured;
pub mod moto;
pub mod process;
pub mod python;
pub mod raw;
pub mod runtime_api;
pub mod scratch;
pub mod service;
mod spawner;
pub mod stores;
pub mod tcp_proxy;
pub mod traffic;
pub mod users;
pub mod wait;

pub use database::{mariadb, mysql9};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Environment variables of a process, and what [`stores::open`] reads its configuration from.
pub type Environment = BTreeMap<String, String>;

/// The directory of the workspace, where `init.sql` is.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").into()
}
