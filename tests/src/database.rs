//! A private database server: its own data, port and certificates.
//!
//! [`mariadb`] and [`mysql9`] start one. `root` has no password, comes in from 127.0.0.1 only,
//! and may do everything.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Environment,
    certificates::Authority,
    process::{self, Output, Process},
    scratch, wait,
};

/// For an installation, a start, a stop and a script.
const LIMIT: Duration = Duration::from_mins(1);

/// The password that [`DatabaseServer::init`] gives to `auth_user`: of the kind that
/// goes wrong where a program quotes too little.
pub const AUTH_PASSWORD: &str = r#"p'a"s\s %41 wörd€😀 \"#;

/// What is different about MariaDB and MySQL.
#[derive(Debug)]
struct Product {
    name: &'static str,
    command: fn(&str) -> Command,
    /// The program that makes an empty data directory, with its arguments.
    install: &'static [&'static str],
    server: &'static str,
    client: &'static str,
    /// Options for small files.
    small: &'static [&'static str],
    /// The option with which a server offers no TLS.
    without_tls: &'static str,
    /// The one server that the tests of a process share while one of them holds it. Statics
    /// are not dropped, so the last test ends it.
    shared: Mutex<Weak<DatabaseServer>>,
}

impl Product {
    fn shared(&'static self) -> Arc<DatabaseServer> {
        let mut slot = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = slot.upgrade() {
            return server;
        }
        let server = Arc::new(DatabaseServer::start(self));
        server.init();
        *slot = Arc::downgrade(&server);
        server
    }

    /// Copies an empty data directory, which is installed once for all test processes.
    fn install(&self, directory: &TempDir) {
        let template = directory.path().with_file_name(self.name);
        if !template.exists() {
            let mut install = (self.command)(self.install[0]);
            install.args(&self.install[1..]);
            self.prepare(&mut install, directory);
            let installed = process::output(install, b"", LIMIT);
            assert!(installed.status.success(), "{} cannot be installed: {installed:?}", self.name);
            if fs::rename(data(directory), &template).is_err() {
                // Another process has installed one meanwhile.
                return;
            }
        }
        let copied = Command::new("cp").arg("-aT").arg(template).arg(data(directory)).status();
        assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", self.name);
    }

    fn run(&self, directory: &TempDir, port: u16, tls: Tls) -> Process {
        let mut server = (self.command)(self.server);
        self.prepare(&mut server, directory);
        server.arg(format!("--port={port}")).args([
            "--socket=s",
            "--pid-file=pid",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
        ]);
        let mut certificate = |name: &str| {
            let file = |name: &str| directory.path().join(name).display().to_string();
            server.arg(format!("--ssl-ca={}", file("ca.pem")));
            server.arg(format!("--ssl-cert={}", file(&format!("{name}-cert.pem"))));
            server.arg(format!("--ssl-key={}", file(&format!("{name}-key.pem"))));
        };
        match tls {
            Tls::Valid => certificate("valid"),
            Tls::OtherName => certificate("other-name"),
            Tls::Off => _ = server.arg(self.without_tls),
        }
        let mut process = Process::start(self.name, server);
        wait::until(&format!("{} accepts connections", self.name), LIMIT, || {
            if let Some(status) = process.ended() {
                panic!("{} ended at its start: {status}", self.name);
            }
            wait::accepts(port).then_some(())
        });
        process
    }

    /// What the installation and the server itself need alike.
    fn prepare(&self, command: &mut Command, directory: &TempDir) {
        command.arg(format!("--datadir={}", data(directory).display())).args(self.small);
        // No waiting for a disk: the data is thrown away.
        command.args(["--innodb-doublewrite=OFF", "--innodb-flush-method=nosync"]);
        command.arg("--innodb-flush-log-at-trx-commit=0");
        // A server that starts removes temporary tables, other servers' too.
        command.env("TMPDIR", directory.path());
        // One that root starts wants to be told that it may stay root.
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
    }
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
    fn start(product: &'static Product) -> Self {
        let directory = scratch::directory();
        product.install(&directory);
        let authority = Authority::new(directory.path(), "ca");
        for (names, name) in
            [(&["localhost", "127.0.0.1"][..], "valid"), (&["db.example"], "other-name")]
        {
            let file = |kind: &str| directory.path().join(format!("{name}-{kind}.pem"));
            authority.sign_server(names, &file("cert"), &file("key"));
        }
        let port = wait::free_port();
        let process = product.run(&directory, port, Tls::Valid);
        let server = Self { process, product, port, authority, directory };
        // It listens on its port before it does on its socket.
        wait::until("the server's socket", LIMIT, || server.run_sql("DO 0").ok());
        server.sql("CREATE USER root@'%'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION");
        server
    }

    /// Stops the server, where it runs, and starts it again on the same port and data.
    pub fn restart(&mut self, tls: Tls) {
        self.stop();
        self.process = self.product.run(&self.directory, self.port, tls);
    }

    /// Stops the server until it is started by [`restart`](Self::restart).
    pub fn stop(&mut self) {
        self.process.terminate(LIMIT);
    }

    /// Ends the server at once, without a goodbye to its clients, until it is started by
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

    /// What [`stores::open`](crate::stores::open) and `auth-admin` need for all rights on
    /// database `auth`.
    #[must_use]
    pub fn root_variables(&self) -> Environment {
        let url = format!("mysql://root@127.0.0.1:{}/auth", self.port);
        Environment::from([("DATABASE_URL".into(), url)])
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

    /// Runs `init.sql` with [`AUTH_PASSWORD`] for `auth_user`.
    pub fn init(&self) {
        self.init_behind(&set_auth_password());
    }

    /// Runs `init.sql` behind these statements.
    pub fn init_behind(&self, statements: &str) {
        let script = fs::read_to_string(crate::workspace().join("init.sql"));
        let script = format!("{statements}\n{}", script.expect("init.sql is there"));
        assert_eq!(self.run_sql(&script).as_deref(), Ok(""), "{statements}");
    }

    /// Runs a script as `root` through the product's own client, as an administrator does. A row
    /// is a line, its columns are separated by tabs.
    ///
    /// # Errors
    ///
    /// The client's messages, from the first statement that fails.
    pub fn run_sql(&self, script: &str) -> Result<String, String> {
        let output = self.client("root", "", script);
        if output.status.success() { Ok(output.stdout) } else { Err(output.stderr) }
    }

    /// Runs statements in UTF-8 as `root`, and gives their rows without the last line break.
    #[must_use = "`sql` is for statements without rows"]
    pub fn query(&self, script: &str) -> String {
        let rows = self.run_sql(&format!("SET NAMES utf8mb4;\n{script}"));
        let rows = rows.unwrap_or_else(|message| panic!("{message}\n{script}"));
        rows.trim_end_matches('\n').to_owned()
    }

    /// Runs statements in UTF-8 as `root` that give no rows.
    pub fn sql(&self, script: &str) {
        let rows = self.query(script);
        assert_eq!(rows, "", "{script}");
    }

    /// Logs in through the product's own client on the server's socket, after which MySQL
    /// has seen the account's password and takes it without TLS too.
    pub fn show_password(&self, user: &str, password: &str) {
        let output = self.client(user, password, "DO 0");
        assert!(output.status.success(), "{}", output.stderr);
    }

    fn client(&self, user: &str, password: &str, script: &str) -> Output {
        let mut client = (self.product.command)(self.product.client);
        // The path of a socket may have 107 bytes, and that of a checkout can be longer.
        client.current_dir(data(&self.directory)).args(["-S", "s", "-u", user]);
        client.args(["--batch", "--skip-column-names", "--raw"]).env("MYSQL_PWD", password);
        process::output(client, script.as_bytes(), LIMIT)
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        // Its data is thrown away, so an orderly end would be a waste of a second.
        self.process.kill();
    }
}

/// The line that `init.sql` documents for passwords that are hard to quote.
#[must_use]
pub fn set_auth_password() -> String {
    let hex: Vec<String> = AUTH_PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("SET @auth_password = 0x{};", hex.concat())
}

fn data(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

/// MariaDB, as this machine has it installed.
pub mod mariadb {
    use super::{Arc, Command, DatabaseServer, Environment, Mutex, Product, Weak, process};

    static MARIADB: Product = Product {
        name: "MariaDB",
        command,
        install: &[
            "mariadb-install-db",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        server: "mariadbd",
        client: "mariadb",
        small: &["--innodb-log-file-size=4M"],
        without_tls: "--skip-ssl",
        shared: Mutex::new(Weak::new()),
    };

    /// A server of the caller's own, without database `auth`.
    #[must_use]
    pub fn start() -> DatabaseServer {
        DatabaseServer::start(&MARIADB)
    }

    /// The server that the tests of this process share, with `init.sql` run. Tests keep out
    /// of each other's way by e-mail addresses of their own.
    #[must_use]
    pub fn shared() -> Arc<DatabaseServer> {
        MARIADB.shared()
    }

    fn command(program: &str) -> Command {
        let mut command = process::command(program, &Environment::new());
        // The machine's my.cnf is for another server.
        command.arg("--no-defaults");
        command
    }
}

/// MySQL 9, as `tests/mysql/install` puts it into `target/mysql`.
pub mod mysql9 {
    use super::{Arc, Command, DatabaseServer, Environment, Mutex, Product, Weak, process};
    use crate::workspace;

    static MYSQL9: Product = Product {
        name: "MySQL 9",
        command,
        install: &["mysqld", "--initialize-insecure"],
        server: "mysqld",
        client: "mysql",
        small: &["--innodb-redo-log-capacity=32M", "--skip-log-bin"],
        without_tls: "--tls-version=",
        shared: Mutex::new(Weak::new()),
    };

    /// As [`mariadb::start`](super::mariadb::start).
    #[must_use]
    pub fn start() -> DatabaseServer {
        DatabaseServer::start(&MYSQL9)
    }

    /// As [`mariadb::shared`](super::mariadb::shared).
    #[must_use]
    pub fn shared() -> Arc<DatabaseServer> {
        MYSQL9.shared()
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
}
