//! A function whose metrics are read as Prometheus reads them.

use std::collections::BTreeMap;

use crate::{Environment, http::Answer, http::Request, service::Service, wait};

/// A running function with `METRICS_PORT`.
#[derive(Debug)]
pub struct MeasuredService {
    /// The function.
    pub service: Service,
    port: u16,
}

impl MeasuredService {
    /// Starts `login` or `validate` with these variables, on two free ports.
    ///
    /// # Panics
    ///
    /// If it ends or isn't ready within 20 s.
    #[must_use]
    pub fn start(name: &str, variables: Environment) -> Self {
        Self::start_by(variables, |variables| Service::start(name, variables))
    }

    /// The same, where `start` starts the function with these variables.
    #[must_use]
    pub fn start_by(
        mut variables: Environment,
        start: impl FnOnce(Environment) -> Service,
    ) -> Self {
        let port = wait::free_port();
        variables.insert("METRICS_PORT".into(), port.to_string());
        Self { service: start(variables), port }
    }

    /// The port of the metrics.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the port of the metrics answers.
    ///
    /// # Panics
    ///
    /// If there is no answer within 30 s.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        Request::new(method, &format!("http://127.0.0.1:{}{path}", self.port)).send()
    }

    /// All metrics.
    ///
    /// # Panics
    ///
    /// If they are not answered, or are not in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let answer = self.ask("GET", "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Metrics::read(answer.text())
    }
}

/// Series, as text with their labels, and their values.
#[derive(Debug)]
pub struct Metrics {
    /// As it came.
    pub text: String,
    series: BTreeMap<String, f64>,
}

impl Metrics {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let series = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a series and its value");
            (name.to_owned(), value.parse().expect("a number"))
        });
        Self { text: text.to_owned(), series: series.collect() }
    }

    /// The value of a series, such as `login_total{outcome="not_found"}`.
    #[must_use]
    pub fn get(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// All series of a metric: their labels as text, and their values.
    #[must_use]
    pub fn all(&self, metric: &str) -> BTreeMap<&str, f64> {
        let series = self.series.iter().filter_map(|(name, value)| {
            let labels = name.strip_prefix(metric)?.strip_prefix('{')?.strip_suffix('}')?;
            Some((labels, *value))
        });
        series.collect()
    }

    /// How many requests came to each outcome; those that none came to are left out.
    #[must_use]
    pub fn outcomes(&self, metric: &str) -> BTreeMap<String, u64> {
        let counted = self.all(metric).into_iter().filter(|(_, value)| *value > 0.0);
        let counted = counted.map(|(labels, value)| {
            let outcome = labels.strip_prefix("outcome=\"").and_then(|it| it.strip_suffix('"'));
            let count = format!("{value}").parse().expect("a whole number");
            (outcome.expect("the one label is the outcome").to_owned(), count)
        });
        counted.collect()
    }

    /// The names of all metrics.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let types = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.filter_map(|line| line.split(' ').next()).collect()
    }
}
