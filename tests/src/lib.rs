//! The harness of the system tests: processes, real database servers, and HTTP. Processes end with
//! the test that started them, see [`process`]; data is in `target/test-servers`, see [`scratch`].

#![expect(clippy::missing_errors_doc, reason = "the tests of this workspace are its only callers")]

pub mod certificates;
pub mod clock;
pub mod contract;
pub mod database;
pub mod fake_http;
pub mod forge;
pub mod gateway;
pub mod gateway_events;
pub mod http;
pub mod lambda;
pub mod moto;
pub mod process;
pub mod raw;
pub mod scratch;
pub mod service;
pub mod stores;
pub mod tcp_proxy;
pub mod traffic;
pub mod users;
pub mod wait;

// The items that most tests use.
pub use certificates::Authority;
pub use clock::Clock;
pub use contract::{SECRET, USER, add_users, key_in_file, seconds, token, token_with};
pub use database::{DatabaseServer, Tls, mariadb, mysql9};
pub use http::{Answer, Request, basic};
pub use lambda::Lambda;
pub use moto::Moto;
pub use process::{Output, Process, binary, cargo_variables, command, output, run_python};
pub use raw::{Connection, head};
pub use service::{Service, run, shell, start_both};
pub use stores::Sqlite;
pub use tcp_proxy::TcpProxy;
pub use traffic::{Kind, Traffic};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Environment variables of a process, or of [`stores::open`].
pub type Environment = BTreeMap<String, String>;

/// An environment with these variables only.
pub fn environment(variables: &[(&str, &str)]) -> Environment {
    with(Environment::new(), variables)
}

/// Adds variables; one that is there already is replaced.
pub fn with(mut all: Environment, more: &[(&str, &str)]) -> Environment {
    all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// The directory of the workspace, where `init.sql` is.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").into()
}
