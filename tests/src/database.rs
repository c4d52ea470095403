//! A database server of the tests with its own data, port and certificates: [`mariadb`] or
//! [`mysql9`]. It listens on 127.0.0.1 only; `root` has no password and all privileges.

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

/// For each of: installation, start, stop, script.
const LIMIT: Duration = Duration::from_mins(1);

/// The password of `auth_user`, with characters that a program may forget to quote.
pub const AUTH_PASSWORD: &str = r#"p'a"s\s %41 wörd€😀 \"#;

/// The differences between MariaDB and MySQL.
struct Product {
    name: &'static str,
    /// The command that makes an empty data directory.
    install: &'static [&'static str],
    server: &'static str,
    client: &'static str,
    /// Options that keep its files small.
    small: &'static [&'static str],
    /// The option that turns TLS off.
    without_tls: &'static str,
}

impl Product {
    /// Copies the empty data directory, which is made once for all test processes.
    fn install(&self, directory: &TempDir) {
        let template = directory.path().with_file_name(self.name);
        if !template.exists() {
            let mut install = self.command(self.install[0], directory);
            install.args(&self.install[1..]);
            let installed = process::output(install, b"", LIMIT);
            assert!(installed.status.success(), "{} cannot be installed: {installed:?}", self.name);
            if fs::rename(data(directory), &template).is_err() {
                // Another test process has made the template meanwhile.
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

    /// A program of the product that ignores the configuration files of this machine.
    fn program(&self, name: &str) -> Command {
        let (program, first) = match self.name {
            "MariaDB" => (name.into(), "--no-defaults".into()),
            // A script that `exec`s the program. All tests use one installation.
            _ => (workspace().join("tests/mysql").join(name), workspace().join("target/mysql")),
        };
        let mut command = process::command(program, &Environment::new());
        command.arg(first);
        command
    }

    /// The command of the installation or of the server.
    fn command(&self, program: &str, directory: &TempDir) -> Command {
        let mut command = self.program(program);
        command.arg(format!("--datadir={}", data(directory).display())).args(self.small);
        // Do not wait for the disk: the data is not kept.
        command.args(["--innodb-doublewrite=OFF", "--innodb-flush-method=nosync"]);
        command.arg("--innodb-flush-log-at-trx-commit=0");
        // At its start a server removes temporary tables there, also those of other servers.
        command.env("TMPDIR", directory.path());
        // The server refuses to run as root without this option.
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    }
}

/// The certificate of a server.
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
    /// Its process. Fields are dropped in this order: the process before its data.
    pub process: Process,
    product: &'static Product,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The authority that signed its certificate.
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

    /// Stops the server if it runs, and starts it again with the same port and data.
    pub fn restart(&mut self, tls: Tls) {
        self.stop();
        self.process = self.product.run(&self.directory, &self.authority, self.port, tls);
        self.wait_for_socket();
    }

    /// The server listens on its port earlier than on its socket.
    fn wait_for_socket(&self) {
        wait::until("the server's socket", LIMIT, || self.run_sql("DO 0").ok());
    }

    /// Stops the server; [`restart`](Self::restart) starts it again.
    pub fn stop(&mut self) {
        self.process.terminate(LIMIT);
    }

    /// `MariaDB` or `MySQL 9`.
    pub fn name(&self) -> &'static str {
        self.product.name
    }

    /// `DATABASE_URL` for `root`, with all privileges on the database `auth`.
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

    /// Runs a script as `root` through the product's own client, as an administrator does. Rows are
    /// lines, columns are separated by tabs. The error is the client's message.
    pub fn run_sql(&self, script: &str) -> Result<String, String> {
        let Output { status, stdout, stderr } = self.client("root", "", script);
        if status.success() { Ok(stdout) } else { Err(stderr) }
    }

    /// Runs statements in UTF-8 as `root`, and returns their rows without the last line break.
    #[must_use = "`sql` is for statements without rows"]
    pub fn query(&self, script: &str) -> String {
        let rows = self.run_sql(&format!("SET NAMES utf8mb4;\n{script}"));
        let rows = rows.unwrap_or_else(|message| panic!("{message}\n{script}"));
        rows.trim_end_matches('\n').to_owned()
    }

    /// Runs statements in UTF-8 as `root` that return no rows.
    pub fn sql(&self, script: &str) {
        assert_eq!(self.query(script), "", "{script}");
    }

    /// Runs a script through the product's own client on the server's socket.
    pub fn client(&self, user: &str, password: &str, script: &str) -> Output {
        let mut client = self.product.program(self.product.client);
        // A socket's path may have 107 bytes at most; the path of a checkout can be longer.
        client.current_dir(data(&self.directory)).args(["-S", "s", "-u", user]);
        client.args(["--batch", "--skip-column-names", "--raw"]).env("MYSQL_PWD", password);
        process::output(client, script.as_bytes(), LIMIT)
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        // The data is not kept, and an orderly end takes a second.
        self.process.kill();
    }
}

/// The statement that `init.sql` documents for passwords that are hard to quote.
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

/// MariaDB as installed on this machine.
pub mod mariadb {
    use super::{Arc, DatabaseServer, MARIADB, Mutex, PoisonError, Weak};

    /// Starts a server that only the caller uses, and runs `init.sql`.
    pub fn start() -> DatabaseServer {
        DatabaseServer::start(&MARIADB)
    }

    /// The server that all tests of this process share; each test uses its own e-mail addresses.
    pub fn shared() -> Arc<DatabaseServer> {
        // Statics are not dropped: the server ends with the last test that holds the `Arc`.
        static SHARED: Mutex<Weak<DatabaseServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(start());
            *shared = Arc::downgrade(&server);
            server
        })
    }
}

/// MySQL 9, which `tests/mysql/install` installs into `target/mysql`.
pub mod mysql9 {
    use super::{DatabaseServer, MYSQL9, workspace};

    /// Like [`mariadb::start`](super::mariadb::start).
    pub fn start() -> DatabaseServer {
        let is_installed = workspace().join("target/mysql/.complete").exists();
        assert!(is_installed, "MySQL 9 is missing: run `make verify`");
        DatabaseServer::start(&MYSQL9)
    }
}
