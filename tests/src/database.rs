//! A private database server, with its own data, port and certificates: [`mariadb`] or [`mysql9`].
//! `root` has no password, comes in from 127.0.0.1 only, and may do everything.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    Authority, Environment, Output, Process, environment, process, scratch, wait, workspace,
};

/// For an installation, a start, a stop and a script.
const LIMIT: Duration = Duration::from_mins(1);

/// The password of `auth_user`: of the kind that goes wrong where a program quotes too little.
pub const AUTH_PASSWORD: &str = r#"p'a"s\s %41 wörd€😀 \"#;

/// What is different about MariaDB and MySQL.
struct Product {
    name: &'static str,
    /// The program that makes an empty data directory, with its arguments.
    install: &'static [&'static str],
    server: &'static str,
    client: &'static str,
    /// Options for small files.
    small: &'static [&'static str],
    /// The option with which a server offers no TLS.
    without_tls: &'static str,
}

impl Product {
    /// Copies an empty data directory, which is installed once for all test processes.
    fn install(&self, directory: &TempDir) {
        let template = directory.path().with_file_name(self.name);
        if !template.exists() {
            let mut install = self.command(self.install[0], directory);
            install.args(&self.install[1..]);
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

    fn run(&self, directory: &TempDir, authority: &Authority, port: u16, tls: Tls) -> Process {
        let mut server = self.command(self.server, directory);
        server.args(["--socket=s", "--pid-file=pid", "--bind-address=127.0.0.1"]);
        server.args(["--skip-name-resolve", &format!("--port={port}")]);
        let other = ["db.example"];
        let names = if tls == Tls::OtherName { &other[..] } else { &["localhost", "127.0.0.1"] };
        let [certificate, key] = authority.sign_server(names, directory.path());
        for (kind, file) in [("ca", &authority.certificate), ("cert", &certificate), ("key", &key)]
        {
            server.arg(format!("--ssl-{kind}={}", file.display()));
        }
        if tls == Tls::Off {
            server.arg(self.without_tls);
        }
        Process::start_on(port, self.name, server)
    }

    /// A program of the product, which reads no configuration of this machine.
    fn program(&self, name: &str) -> Command {
        let (program, first) = match self.name {
            "MariaDB" => (name.into(), "--no-defaults".into()),
            // A wrapper, which replaces itself by the program. One installation serves all tests.
            _ => (workspace().join("tests/mysql").join(name), workspace().join("target/mysql")),
        };
        let mut command = process::command(program, &Environment::new());
        command.arg(first);
        command
    }

    /// The installation, or the server itself.
    fn command(&self, program: &str, directory: &TempDir) -> Command {
        let mut command = self.program(program);
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
        command
    }
}

/// What certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Tls {
    /// One for `localhost` and 127.0.0.1.
    Valid,
    /// One for `db.example`, from the same authority.
    OtherName,
    /// None: it offers no TLS.
    Off,
}

/// A running server.
pub struct DatabaseServer {
    // Dropped in this order: first the process, then its data.
    /// Its process.
    pub process: Process,
    product: &'static Product,
    /// Its port, of 127.0.0.1.
    pub port: u16,
    /// Who signed its certificate.
    pub authority: Authority,
    directory: TempDir,
}

impl DatabaseServer {
    /// Installs and starts a server with TLS, and runs `init.sql`.
    fn start(product: &'static Product) -> Self {
        let directory = scratch::directory();
        product.install(&directory);
        let authority = Authority::new(directory.path(), "ca");
        let port = wait::free_port();
        let process = product.run(&directory, &authority, port, Tls::Valid);
        let server = Self { process, product, port, authority, directory };
        server.wait_for_socket();
        server.sql("CREATE USER root@'%'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION");
        server.init();
        server
    }

    /// Stops the server, where it runs, and starts it again on the same port and data.
    pub fn restart(&mut self, tls: Tls) {
        self.stop();
        self.process = self.product.run(&self.directory, &self.authority, self.port, tls);
        self.wait_for_socket();
    }

    /// The server listens on its port before it does on its socket.
    fn wait_for_socket(&self) {
        wait::until("the server's socket", LIMIT, || self.run_sql("DO 0").ok());
    }

    /// Stops the server until it is started by [`restart`](Self::restart).
    pub fn stop(&mut self) {
        self.process.terminate(LIMIT);
    }

    /// `MariaDB` or `MySQL 9`.
    pub fn name(&self) -> &'static str {
        self.product.name
    }

    /// `DATABASE_URL` for all rights on database `auth`.
    pub fn root_variables(&self) -> Environment {
        let url = format!("mysql://root@127.0.0.1:{}/auth", self.port);
        Environment::from([("DATABASE_URL".into(), url)])
    }

    /// `MYSQL_…` for `auth_user`, as `login` needs them.
    pub fn login_variables(&self) -> Environment {
        environment(&[
            ("MYSQL_HOST", "127.0.0.1"),
            ("MYSQL_PORT", &self.port.to_string()),
            ("MYSQL_USER", "auth_user"),
            ("MYSQL_PASSWORD", AUTH_PASSWORD),
            ("MYSQL_DB", "auth"),
        ])
    }

    /// Runs `init.sql` with [`AUTH_PASSWORD`] for `auth_user`.
    pub fn init(&self) {
        self.init_after(&set_auth_password());
    }

    /// Runs `init.sql` after these statements.
    pub fn init_after(&self, statements: &str) {
        let script = fs::read_to_string(workspace().join("init.sql")).expect("init.sql is there");
        assert_eq!(self.run_sql(&format!("{statements}\n{script}")).as_deref(), Ok(""));
    }

    /// Runs a script as `root` through the product's own client, as an administrator does. A row
    /// is a line, its columns are separated by tabs. The error is what the client says.
    pub fn run_sql(&self, script: &str) -> Result<String, String> {
        let Output { status, stdout, stderr } = self.client("root", "", script);
        if status.success() { Ok(stdout) } else { Err(stderr) }
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
        assert_eq!(self.query(script), "", "{script}");
    }

    /// Runs a script through the product's own client on the server's socket.
    pub fn client(&self, user: &str, password: &str, script: &str) -> Output {
        let mut client = self.product.program(self.product.client);
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
pub fn set_auth_password() -> String {
    let hex: Vec<String> = AUTH_PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("SET @auth_password = 0x{};", hex.concat())
}

fn data(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

static MARIADB: Product = Product {
    name: "MariaDB",
    install: &["mariadb-install-db", "--auth-root-authentication-method=normal", "--skip-test-db"],
    server: "mariadbd",
    client: "mariadb",
    small: &["--innodb-log-file-size=4M"],
    without_tls: "--skip-ssl",
};

static MYSQL9: Product = Product {
    name: "MySQL 9",
    install: &["mysqld", "--initialize-insecure"],
    server: "mysqld",
    client: "mysql",
    small: &["--innodb-redo-log-capacity=32M", "--skip-log-bin"],
    without_tls: "--tls-version=",
};

/// MariaDB, as this machine has it installed.
pub mod mariadb {
    use super::{Arc, DatabaseServer, MARIADB, Mutex, PoisonError, Weak};

    /// A server of the caller's own, with `init.sql` run.
    pub fn start() -> DatabaseServer {
        DatabaseServer::start(&MARIADB)
    }

    /// The server that the tests of this process share, each with e-mail addresses of its own.
    pub fn shared() -> Arc<DatabaseServer> {
        // Statics are not dropped, so the last test that holds it ends it.
        static SHARED: Mutex<Weak<DatabaseServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(start());
            *shared = Arc::downgrade(&server);
            server
        })
    }
}

/// MySQL 9, as `tests/mysql/install` puts it into `target/mysql`.
pub mod mysql9 {
    use super::{DatabaseServer, MYSQL9, workspace};

    /// As [`mariadb::start`](super::mariadb::start).
    pub fn start() -> DatabaseServer {
        let is_installed = workspace().join("target/mysql/.complete").exists();
        assert!(is_installed, "MySQL 9 is missing: run `make verify`");
        DatabaseServer::start(&MYSQL9)
    }
}
