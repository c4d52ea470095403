//! As many requests as a service answers, by `wrk`.

use std::{fs, io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;
use system_tests::{
    Environment,
    process::{command, output},
    raw::Connection,
    scratch, workspace,
};
use tempfile::TempDir;

use crate::series::float;

/// What is asked for, by whom.
pub(crate) struct Requests {
    directory: TempDir,
    method: &'static str,
    path: &'static str,
    first: String,
}

/// What became of them.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Answered {
    pub(crate) requests: u64,
    duration_us: u64,
    bad_statuses: u64,
    broken: u64,
}

impl Requests {
    /// Requests with these values of `Authorization`, in turn.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub(crate) fn new(method: &'static str, path: &'static str, values: &[String]) -> Self {
        let directory = scratch::directory();
        let mut file = fs::File::create(headers(&directory)).expect("scratch can be written");
        for value in values {
            writeln!(file, "{value}").expect("scratch can be written");
        }
        Self { directory, method, path, first: values[0].clone() }
    }

    /// The first one, as bytes.
    pub(crate) fn first(&self) -> String {
        let Self { method, path, first, .. } = self;
        format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {first}\r\n\r\n")
    }

    /// Sends as many as are answered.
    ///
    /// # Panics
    ///
    /// If one was not answered with 200, or more than one in a hundred connections broke: then
    /// something else was measured.
    pub(crate) fn flood(
        &self,
        address: SocketAddr,
        connections: usize,
        time: Duration,
    ) -> Answered {
        let mut wrk = command("wrk", &Environment::new());
        wrk.args(["--threads", "1", "--connections", &connections.to_string()]);
        // wrk counts whole seconds; a `timeout` would cut off what it has to say.
        wrk.args(["--duration", &format!("{}s", time.as_secs().max(1)), "--timeout", "10s"]);
        wrk.arg("--script").arg(workspace().join("bench/wrk/requests.lua"));
        wrk.arg(format!("http://{address}{}", self.path));
        wrk.arg("--").arg(headers(&self.directory)).arg(self.method);
        let said = output(wrk, b"", time * 2 + Duration::from_secs(30));
        let line = said.stdout.lines().find(|line| line.starts_with('{'));
        let answered = line.and_then(|line| serde_json::from_str::<Answered>(line).ok());
        let answered = answered.unwrap_or_else(|| panic!("wrk said: {said:?}"));
        let Answered { requests, bad_statuses, broken, .. } = answered;
        if requests == 0 || bad_statuses > 0 || broken * 100 > requests {
            let now = Connection::open(address).and_then(|mut it| it.exchange(self.first()));
            panic!("{answered:?}; one more was answered with {now:?}");
        }
        answered
    }
}

impl Answered {
    pub(crate) fn per_second(&self) -> f64 {
        float(self.requests) * 1e6 / float(self.duration_us)
    }
}

fn headers(directory: &TempDir) -> PathBuf {
    directory.path().join("headers")
}
