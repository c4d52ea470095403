//! A function whose metrics are read as Prometheus reads them.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    Environment,
    contract::SECRET,
    environment,
    http::{Answer, Request},
    service::Service,
    wait,
};

/// A running function with `METRICS_PORT`.
pub struct Measured {
    /// The function.
    pub service: Service,
    /// The port of its metrics.
    pub port: u16,
}

impl Measured {
    /// Starts `login` or `validate` with these variables, on two free ports.
    pub fn start(name: &str, mut variables: Environment) -> Self {
        let port = wait::free_port();
        variables.insert("METRICS_PORT".into(), port.to_string());
        Self { service: Service::start(name, variables), port }
    }

    /// What the port of the metrics answers.
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        Request::new(method, &format!("http://127.0.0.1:{}{path}", self.port)).send()
    }

    /// All metrics, in Prometheus' text format.
    pub fn text(&self) -> String {
        let answer = self.ask("GET", "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        answer.text().to_owned()
    }

    /// The value of each series of this metric, by its labels, such as `kid="",alg="HS256"`.
    pub fn all(&self, metric: &str) -> BTreeMap<String, f64> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
        let series = lines.map(|line| {
            let (labels, value) = line.rsplit_once("} ").expect("a series and its value");
            (labels.to_owned(), value.parse().expect("a number"))
        });
        series.collect()
    }

    /// The value of a series, such as `secret_age_seconds{secret="jwt"}`.
    pub fn get(&self, series: &str) -> Option<f64> {
        let text = self.text();
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }
}

/// The key of the contract's tokens in a file in this folder, for a secret that has an age.
pub fn key_in_file(folder: &Path) -> Environment {
    let path = folder.join("key");
    fs::write(&path, SECRET).expect("scratch can be written");
    environment(&[("JWT_SECRET_FILE", path.to_str().expect("UTF-8"))])
}
