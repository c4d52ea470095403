//! A function whose metrics are read as Prometheus reads them.

use std::collections::BTreeMap;

use system_tests::{
    Environment,
    http::{Answer, Request},
    service::Service,
    wait,
};

/// A running function with `METRICS_PORT`.
pub(crate) struct Measured {
    pub(crate) service: Service,
    pub(crate) port: u16,
}

impl Measured {
    /// Starts `login` or `validate` with these variables, on two free ports.
    pub(crate) fn start(name: &str, variables: Environment) -> Self {
        Self::start_by(variables, |variables| Service::start(name, variables))
    }

    /// The same, where `start` starts the function with these variables.
    pub(crate) fn start_by(
        mut variables: Environment,
        start: impl FnOnce(Environment) -> Service,
    ) -> Self {
        let port = wait::free_port();
        variables.insert("METRICS_PORT".into(), port.to_string());
        Self { service: start(variables), port }
    }

    /// What the port of the metrics answers.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        Request::new(method, &format!("http://127.0.0.1:{}{path}", self.port)).send()
    }

    /// All metrics, which are in Prometheus' text format.
    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.ask("GET", "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Metrics(answer.text().to_owned())
    }

    /// The value of a series, such as `key_info{kid="",alg="HS256"}`.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.metrics().series().find(|(name, _)| *name == series).map(|(_, value)| value)
    }
}

/// The text that came.
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    fn series(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a series and its value");
            (name, value.parse().expect("a number"))
        })
    }

    /// All series of a metric: their labels as text, and their values.
    pub(crate) fn all(&self, metric: &str) -> BTreeMap<&str, f64> {
        let labelled = self.series().filter_map(|(name, value)| {
            let labels = name.strip_prefix(metric)?.strip_prefix('{')?.strip_suffix('}')?;
            Some((labels, value))
        });
        labelled.collect()
    }

    /// How many requests came to each outcome, and to how many none did.
    pub(crate) fn outcomes(&self, metric: &str) -> (BTreeMap<&str, u32>, usize) {
        let mut counted = BTreeMap::new();
        for (labels, value) in self.all(metric) {
            let outcome = labels.strip_prefix("outcome=\"").and_then(|it| it.strip_suffix('"'));
            let count = format!("{value}").parse().expect("a whole number");
            counted.insert(outcome.expect("the one label is the outcome"), count);
        }
        let all = counted.len();
        counted.retain(|_, count| *count > 0);
        let zeros = all - counted.len();
        (counted, zeros)
    }
}
