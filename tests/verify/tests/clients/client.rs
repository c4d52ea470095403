//! How each client is run, and what all have in common.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use system_tests::{
    Environment, binaries,
    process::{Output, command, output},
    python, workspace,
};

use crate::{EMAIL, PASSWORD};

/// Longer than any of them may take.
const LIMIT: Duration = Duration::from_secs(40);

/// One of the clients.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    command: fn(&Environment) -> Command,
}

pub(crate) const CLIENTS: [Client; 4] = [
    Client { name: "curl", command: |variables| command(file("client.sh"), variables) },
    Client {
        name: "Python",
        command: |variables| {
            let mut python = command(python::program("python"), variables);
            python.arg(file("client.py"));
            python
        },
    },
    Client {
        name: "JavaScript",
        command: |variables| command(file("javascript/main.mjs"), variables),
    },
    Client {
        name: "Rust",
        command: |variables| command(binaries::path("example-client"), variables),
    },
];

fn file(name: &str) -> String {
    workspace().join("examples/clients").join(name).display().to_string()
}

/// What one run came to.
pub(crate) struct Run {
    name: &'static str,
    output: Output,
    pub(crate) time: Duration,
}

impl Client {
    pub(crate) fn command(&self, variables: &Environment, arguments: &[&str]) -> Command {
        let mut command = (self.command)(variables);
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, variables: &Environment, arguments: &[&str], input: &str) -> Run {
        let start = Instant::now();
        let output = output(self.command(variables, arguments), input.as_bytes(), LIMIT);
        let all = [output.stdout.as_str(), &output.stderr].concat();
        for secret in ["AUTH_PASSWORD", "AUTH_TOKEN"].map(|name| variables.get(name)) {
            assert!(secret.is_none_or(|secret| !all.contains(secret)), "{}: {all}", self.name);
        }
        assert!(!all.contains(PASSWORD) && !all.contains("eyJ"), "{}: {all}", self.name);
        Run { name: self.name, output, time: start.elapsed() }
    }
}

impl Run {
    /// The user's claims, so many times, and nothing else.
    pub(crate) fn assert_claims(&self, times: usize) {
        let Output { status, stdout, stderr } = &self.output;
        assert!(status.success() && stderr.is_empty(), "{}: {:?}", self.name, self.output);
        let claims: Vec<Value> = stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        assert_eq!(claims.len(), times, "{}: {stdout}", self.name);
        for claims in &claims {
            assert_eq!(claims["username"], EMAIL, "{}: {stdout}", self.name);
        }
    }

    /// The one line that says what went wrong.
    pub(crate) fn assert_failed(&self) -> &str {
        let Output { status, stdout, stderr } = &self.output;
        assert_eq!((status.code(), stdout.as_str()), (Some(1), ""), "{}: {stderr}", self.name);
        let line = stderr.strip_suffix('\n').unwrap_or_default();
        let is_clear = line.starts_with("auth: ") && !line.contains('\n');
        assert!(is_clear, "{}: {stderr}", self.name);
        line
    }
}
