//! Prometheus, as Debian packages it, with the configuration of `examples/observability`.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Environment,
    http::Request,
    process::{Output, Process, command, output},
    scratch, wait, workspace,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const START_LIMIT: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_mins(1);

/// The folder of the examples.
#[must_use]
pub fn examples() -> PathBuf {
    workspace().join("examples/observability")
}

/// Runs `promtool` in the folder of the examples.
///
/// # Panics
///
/// If it is not there, or takes longer than a minute.
#[must_use]
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut promtool = command(program("promtool"), &Environment::new());
    promtool.args(arguments).current_dir(examples());
    output(promtool, input.as_bytes(), LIMIT)
}

fn program(name: &str) -> PathBuf {
    let path = workspace().join("target/tools/prometheus/usr/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make test`", path.display());
    path
}

/// A running Prometheus.
pub struct Prometheus {
    _process: Process,
    port: u16,
    _directory: TempDir,
}

/// One series of an answer: its labels and its value.
pub type Sample = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts it for `login` and `validate` with metrics on these ports, with the shipped
    /// configuration and rules. It looks every second, and alerts do not wait: how long they
    /// would is for the unit tests of the rules.
    ///
    /// # Panics
    ///
    /// If it doesn't start, or a shipped file is no longer as this expects it.
    #[must_use]
    pub fn start(login: u16, validate: u16) -> Self {
        let directory = scratch::directory();
        let read = |name: &str| fs::read_to_string(examples().join(name)).expect("an example");
        let mut config = read("prometheus.yml");
        for (shipped, here) in [
            ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
            ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
            ("login.example.com:9100", format!("127.0.0.1:{login}")),
            ("validate.example.com:9100", format!("127.0.0.1:{validate}")),
        ] {
            assert_eq!(config.matches(shipped).count(), 1, "{shipped}");
            config = config.replace(shipped, &here);
        }
        let rules = read("rules.yml");
        let rules = rules.lines().filter(|line| !line.trim_start().starts_with("for: "));
        let rules = rules.collect::<Vec<_>>().join("\n");
        let write = |name: &str, text: &str| {
            fs::write(directory.path().join(name), text).expect("scratch can be written");
        };
        write("prometheus.yml", &config);
        write("rules.yml", &rules);

        let port = wait::free_port();
        let mut prometheus = command(program("prometheus"), &Environment::new());
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        prometheus.current_dir(directory.path());
        let process = Process::start("prometheus", prometheus);
        let started = Self { _process: process, port, _directory: directory };
        wait::until("Prometheus", START_LIMIT, || {
            let answer = Request::new("GET", &started.url("/-/ready")).try_send().ok()?;
            (answer.status == 200).then_some(())
        });
        started
    }

    /// What an expression comes to now.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn query(&self, expression: &str) -> Vec<Sample> {
        let path =
            format!("/api/v1/query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC));
        let answer = self.get(&path);
        let result = answer["data"]["result"].as_array().expect("a vector");
        let samples = result.iter().map(|sample| {
            let labels = serde_json::from_value(sample["metric"].clone()).expect("texts");
            let value = sample["value"][1].as_str().expect("a text").parse();
            (labels, value.expect("a number"))
        });
        samples.collect()
    }

    /// The names of the alerts that fire.
    ///
    /// # Panics
    ///
    /// If Prometheus does not answer.
    #[must_use]
    pub fn firing(&self) -> Vec<String> {
        let answer = self.get("/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().expect("alerts").iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        let names = firing.map(|alert| alert["labels"]["alertname"].as_str().expect("a name"));
        names.map(str::to_owned).collect()
    }

    fn get(&self, path: &str) -> Value {
        let answer = Request::new("GET", &self.url(path)).send();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("JSON")
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}
