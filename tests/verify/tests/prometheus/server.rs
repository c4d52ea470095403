//! Prometheus, as Debian packages it, with the configuration of `examples/observability`.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use system_tests::{
    Environment,
    http::Request,
    process::{Process, command, output},
    scratch, wait, workspace,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(1);

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    workspace().join("examples/observability")
}

/// What `promtool` prints, run in the folder of the examples: it finds nothing wrong.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = command(program("promtool"), &Environment::new());
    promtool.args(arguments).current_dir(examples());
    let said = output(promtool, input.as_bytes(), LIMIT);
    let text = said.stdout + &said.stderr;
    assert!(said.status.success(), "{arguments:?}: {text}");
    text
}

fn program(name: &str) -> PathBuf {
    let path = workspace().join("target/tools/prometheus/usr/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make verify`", path.display());
    path
}

/// A running Prometheus.
pub(crate) struct Prometheus {
    _process: Process,
    port: u16,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts it for `login` and `validate` with metrics on these ports, with the shipped
    /// configuration and rules. It looks every second, and alerts do not wait: how long they
    /// would is for the unit tests of the rules.
    pub(crate) fn start(login: u16, validate: u16) -> Self {
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
        for (name, text) in
            [("prometheus.yml", config), ("rules.yml", rules.collect::<Vec<_>>().join("\n"))]
        {
            fs::write(directory.path().join(name), text).expect("scratch can be written");
        }
        let port = wait::free_port();
        let mut prometheus = command(program("prometheus"), &Environment::new());
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        prometheus.current_dir(directory.path());
        let process = Process::start("prometheus", prometheus);
        let started = Self { _process: process, port, _directory: directory };
        wait::until("Prometheus", LIMIT, || {
            let answer = started.request("/-/ready").try_send().ok()?;
            (answer.status == 200).then_some(())
        });
        started
    }

    /// What an expression comes to now: the labels and the value of each series.
    pub(crate) fn query(&self, expression: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let expression = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let answer = self.get(&format!("/api/v1/query?query={expression}"));
        let result = answer["data"]["result"].as_array().expect("a vector");
        let samples = result.iter().map(|sample| {
            let labels = serde_json::from_value(sample["metric"].clone()).expect("texts");
            let value = sample["value"][1].as_str().expect("a text").parse();
            (labels, value.expect("a number"))
        });
        samples.collect()
    }

    /// Whether this alert fires.
    pub(crate) fn fires(&self, alert: &str) -> bool {
        let answer = self.get("/api/v1/alerts");
        let mut alerts = answer["data"]["alerts"].as_array().expect("alerts").iter();
        alerts.any(|it| it["state"] == "firing" && it["labels"]["alertname"] == alert)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.request(path).send();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_str(answer.text()).expect("JSON")
    }

    fn request(&self, path: &str) -> Request {
        Request::new("GET", &format!("http://127.0.0.1:{}{path}", self.port))
    }
}
