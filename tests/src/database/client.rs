//! SQL through the product's own client, as an administrator runs it.

use std::{fs, process::Command, time::Duration};

use super::{DatabaseServer, data};
use crate::process::{self, Output};

const SCRIPT_LIMIT: Duration = Duration::from_secs(30);

/// The password that [`DatabaseServer::init`] gives to `auth_user`: of the kind that
/// goes wrong where somebody quotes too little.
pub const AUTH_PASSWORD: &str = r#"p'a"s\s %41 wörd€😀 \"#;

impl DatabaseServer {
    /// Runs `init.sql` with [`AUTH_PASSWORD`] for `auth_user`.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn init(&self) {
        let script = fs::read_to_string(crate::workspace().join("init.sql"));
        let script = set_auth_password(AUTH_PASSWORD) + &script.expect("init.sql is there");
        self.run_sql(&script).expect("init.sql runs");
    }

    /// Runs a script as `root` through the product's own client. A row is a line, its columns
    /// are separated by tabs.
    ///
    /// # Errors
    ///
    /// The client's messages, from the first statement that fails.
    pub fn run_sql(&self, script: &str) -> Result<String, String> {
        let client = self.client("root");
        let Output { status, stdout, stderr } =
            process::output(client, script.as_bytes(), SCRIPT_LIMIT);
        if status.success() { Ok(stdout) } else { Err(stderr) }
    }

    /// Logs in through the product's own client on the server's socket, after which MySQL
    /// has seen the account's password and takes it without TLS too.
    ///
    /// # Panics
    ///
    /// If the account may not.
    pub fn show_password(&self, user: &str, password: &str) {
        let mut client = self.client(user);
        client.env("MYSQL_PWD", password);
        let output = process::output(client, b"DO 0", SCRIPT_LIMIT);
        assert!(output.status.success(), "{}", output.stderr);
    }

    fn client(&self, user: &str) -> Command {
        let mut client = (self.product.client)();
        // The path of a socket may have 107 bytes, and that of a checkout can be longer.
        client.current_dir(data(&self.directory)).args(["-S", "s", "-u", user]);
        client.args(["--batch", "--skip-column-names", "--raw"]);
        client
    }

    /// Runs statements in UTF-8 as `root`, and gives their rows without the last line break.
    ///
    /// # Panics
    ///
    /// If one fails.
    #[must_use = "`sql` is for statements without rows"]
    pub fn query(&self, script: &str) -> String {
        let rows = self.run_sql(&format!("SET NAMES utf8mb4;\n{script}"));
        let rows = rows.unwrap_or_else(|message| panic!("{message}\n{script}"));
        rows.trim_end_matches('\n').to_owned()
    }

    /// Runs statements in UTF-8 as `root` that give no rows.
    ///
    /// # Panics
    ///
    /// If one fails.
    pub fn sql(&self, script: &str) {
        let rows = self.query(script);
        assert_eq!(rows, "", "{script}");
    }
}

/// The line that `init.sql` documents for passwords that are hard to quote.
#[must_use]
pub fn set_auth_password(password: &str) -> String {
    let hex: Vec<String> = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("SET @auth_password = 0x{};\n", hex.concat())
}
