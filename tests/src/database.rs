//! A private database server: its own data, port and certificates.
//!
//! [`mariadb`](crate::mariadb) and [`mysql9`](crate::mysql9) start one. `root` has no
//! password, comes in from 127.0.0.1 only, and may do everything.

mod client;

pub use client::{AUTH_PASSWORD, set_auth_password};

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Environment,
    certificates::Authority,
    process::{self, Process},
    scratch, wait,
};

const INSTALL_LIMIT: Duration = Duration::from_mins(1);
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What is different about MariaDB and MySQL.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: &'static str,
    /// Makes an empty data directory.
    pub(crate) install: fn() -> Command,
    pub(crate) server: fn() -> Command,
    pub(crate) client: fn() -> Command,
    /// The option with which a server offers no TLS.
    pub(crate) without_tls: &'static str,
}

/// What certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// One for `localhost` and 127.0.0.1.
    Valid,
    /// One for `db.example`, from the same authority.
    OtherName,
    /// None: it offers no TLS.
    Off,
}

/// A running server.
#[derive(Debug)]
pub struct DatabaseServer {
    // Dropped in this order: first the process, then its data.
    process: Process,
    product: &'static Product,
    port: u16,
    authority: Authority,
    directory: TempDir,
}

impl DatabaseServer {
    /// Installs and starts a server, with TLS and without database `auth`.
    pub(crate) fn start(product: &'static Product) -> Self {
        let directory = scratch::directory();
        let mut install = (product.install)();
        prepare(&mut install, &directory);
        let installed = process::output(install, b"", INSTALL_LIMIT);
        assert!(installed.status.success(), "{} cannot be installed: {installed:?}", product.name);

        let authority = Authority::new(directory.path(), "ca");
        let sign = |names: &[&str], name: &str| {
            let file = |kind: &str| directory.path().join(format!("{name}-{kind}.pem"));
            authority.sign_server(names, &file("cert"), &file("key"));
        };
        sign(&["localhost", "127.0.0.1"], "valid");
        sign(&["db.example"], "other-name");

        let port = wait::free_port();
        let process = run(product, &directory, port, Tls::Valid);
        let server = Self { process, product, port, authority, directory };
        // It listens on its port before it does on its socket.
        wait::until("the server's socket", START_LIMIT, || server.run_sql("DO 0").ok());
        server.sql("CREATE USER root@'%'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION");
        server
    }

    /// Stops the server, where it runs, and starts it again on the same port and data.
    ///
    /// # Panics
    ///
    /// If it doesn't stop or start.
    pub fn restart(&mut self, tls: Tls) {
        self.stop();
        self.process = run(self.product, &self.directory, self.port, tls);
    }

    /// Stops the server until it is started by [`restart`](Self::restart).
    ///
    /// # Panics
    ///
    /// If it doesn't stop.
    pub fn stop(&mut self) {
        self.process.terminate(STOP_LIMIT);
    }

    /// Ends the server at once, without a goodbye to anybody, until it is started by
    /// [`restart`](Self::restart).
    pub fn crash(&mut self) {
        self.process.kill();
    }

    /// Stops it where it is: connections stay, and nothing comes back on them.
    pub fn freeze(&mut self) {
        self.process.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.process.thaw();
    }

    /// `MariaDB` or `MySQL 9`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.product.name
    }

    /// The port, of 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed the server's.
    #[must_use]
    pub fn ca(&self) -> &Path {
        self.authority.certificate()
    }

    /// `DATABASE_URL` for `root`.
    #[must_use]
    pub fn root_url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    /// What [`stores::open`](crate::stores::open) and `auth-admin` need for all rights on
    /// database `auth`.
    #[must_use]
    pub fn root_variables(&self) -> Environment {
        Environment::from([("DATABASE_URL".into(), self.root_url("auth"))])
    }

    /// `MYSQL_…` for `auth_user`, as `login` needs them.
    #[must_use]
    pub fn login_variables(&self) -> Environment {
        let port = self.port.to_string();
        [
            ("MYSQL_HOST", "127.0.0.1"),
            ("MYSQL_PORT", &port),
            ("MYSQL_USER", "auth_user"),
            ("MYSQL_PASSWORD", AUTH_PASSWORD),
            ("MYSQL_DB", "auth"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        // Its data is thrown away, so an orderly end would be a waste of a second.
        self.process.kill();
    }
}

/// The one server that the tests of a process share while one of them holds it, with
/// `init.sql` run. Statics are not dropped, so the last test ends it.
pub(crate) fn shared(
    slot: &Mutex<Weak<DatabaseServer>>,
    product: &'static Product,
) -> Arc<DatabaseServer> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = slot.upgrade() {
        return server;
    }
    let server = Arc::new(DatabaseServer::start(product));
    server.init();
    *slot = Arc::downgrade(&server);
    server
}

fn run(product: &'static Product, directory: &TempDir, port: u16, tls: Tls) -> Process {
    let mut server = (product.server)();
    prepare(&mut server, directory);
    server.args([
        format!("--port={port}"),
        "--socket=s".into(),
        "--pid-file=pid".into(),
        "--bind-address=127.0.0.1".into(),
        "--skip-name-resolve".into(),
    ]);
    let file = |name: &str| directory.path().join(name).display().to_string();
    let mut certificate = |name: &str| {
        server.arg(format!("--ssl-ca={}", file("ca.pem")));
        server.arg(format!("--ssl-cert={}", file(&format!("{name}-cert.pem"))));
        server.arg(format!("--ssl-key={}", file(&format!("{name}-key.pem"))));
    };
    match tls {
        Tls::Valid => certificate("valid"),
        Tls::OtherName => certificate("other-name"),
        Tls::Off => _ = server.arg(product.without_tls),
    }
    let mut process = Process::start(product.name, server);
    wait::until(&format!("{} accepts connections", product.name), START_LIMIT, || {
        if let Some(status) = process.ended() {
            panic!("{} ended at its start: {status}", product.name);
        }
        wait::accepts(port).then_some(())
    });
    process
}

fn data(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

/// What the installation and the server itself need alike.
fn prepare(command: &mut Command, directory: &TempDir) {
    command.arg(format!("--datadir={}", data(directory).display()));
    // A server that starts removes temporary tables, other servers' too.
    command.env("TMPDIR", directory.path());
    // One that root starts wants to be told that it may stay root.
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
}
