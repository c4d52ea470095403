//! MySQL 9, as `tests/mysql/install` puts it into `target/mysql`.

use std::{
    process::Command,
    sync::{Arc, Mutex, Weak},
};

use crate::{
    Environment,
    database::{self, DatabaseServer, Product},
    process, workspace,
};

static MYSQL9: Product = Product {
    name: "MySQL 9",
    install: || {
        let mut install = command("mysqld");
        install.arg("--initialize-insecure").args(FAST);
        install
    },
    server: || {
        let mut server = command("mysqld");
        server.args(FAST);
        server
    },
    client: || command("mysql"),
    without_tls: "--tls-version=",
};

/// Small files, and no waiting for a disk: the data is thrown away.
const FAST: [&str; 5] = [
    "--innodb-redo-log-capacity=32M",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-log-bin",
];

/// A server of the caller's own, without database `auth`.
///
/// # Panics
///
/// If MySQL isn't installed or doesn't start.
#[must_use]
pub fn start() -> DatabaseServer {
    DatabaseServer::start(&MYSQL9)
}

/// The server that the tests of this process share, with `init.sql` run. Tests keep out
/// of each other's way by e-mail addresses of their own.
///
/// # Panics
///
/// If MySQL isn't installed or doesn't start.
#[must_use]
pub fn shared() -> Arc<DatabaseServer> {
    static SHARED: Mutex<Weak<DatabaseServer>> = Mutex::new(Weak::new());
    database::shared(&SHARED, &MYSQL9)
}

/// One of the wrappers beside `install`. They look for nothing in the machine, and
/// replace themselves by the program.
fn command(wrapper: &str) -> Command {
    // Not the tests' own target directory: an installation serves all of them.
    let directory = workspace().join("target/mysql");
    assert!(
        directory.join(".complete").exists(),
        "MySQL 9 is not in {0}: run `make verify`, or `tests/mysql/install {0}`",
        directory.display(),
    );
    let wrapper = workspace().join("tests/mysql").join(wrapper);
    let mut command = process::command(wrapper, &Environment::new());
    command.arg(directory);
    command
}
