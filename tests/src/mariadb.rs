//! MariaDB, as this machine has it installed.

use std::{
    process::Command,
    sync::{Arc, Mutex, Weak},
};

use crate::{
    Environment,
    database::{self, DatabaseServer, Product},
    process,
};

static MARIADB: Product = Product {
    name: "MariaDB",
    install: || {
        let mut install = command("mariadb-install-db");
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.args(FAST);
        install
    },
    server: || {
        let mut server = command("mariadbd");
        server.args(FAST);
        server
    },
    client: || command("mariadb"),
    without_tls: "--skip-ssl",
};

/// Small files, and no waiting for a disk: the data is thrown away.
const FAST: [&str; 4] = [
    "--innodb-log-file-size=4M",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
];

/// A server of the caller's own, without database `auth`.
///
/// # Panics
///
/// If MariaDB isn't installed or doesn't start.
#[must_use]
pub fn start() -> DatabaseServer {
    DatabaseServer::start(&MARIADB)
}

/// The server that the tests of this process share, with `init.sql` run. Tests keep out
/// of each other's way by e-mail addresses of their own.
///
/// # Panics
///
/// If MariaDB isn't installed or doesn't start.
#[must_use]
pub fn shared() -> Arc<DatabaseServer> {
    static SHARED: Mutex<Weak<DatabaseServer>> = Mutex::new(Weak::new());
    database::shared(&SHARED, &MARIADB)
}

fn command(program: &str) -> Command {
    let mut command = process::command(program, &Environment::new());
    // The machine's my.cnf is for another server.
    command.arg("--no-defaults");
    command
}
