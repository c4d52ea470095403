//! A function whose metrics are read as Prometheus reads them.

use std::{collections::BTreeMap, path::Path};

use shared::users::{SqliteUsers, UserStore};

use crate::{
    Environment,
    contract::{SECRET, add_users},
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
    #[must_use]
    pub fn start(name: &str, variables: Environment) -> Self {
        Self::start_by(variables, |variables| Service::start(name, variables))
    }

    /// The same, where `start` starts the function with these variables.
    pub fn start_by(
        mut variables: Environment,
        start: impl FnOnce(Environment) -> Service,
    ) -> Self {
        let port = wait::free_port();
        variables.insert("METRICS_PORT".into(), port.to_string());
        Self { service: start(variables), port }
    }

    /// What the port of the metrics answers.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        Request::new(method, &format!("http://127.0.0.1:{}{path}", self.port)).send()
    }

    /// All metrics, which are in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let answer = self.ask("GET", "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Metrics(answer.text().to_owned())
    }

    /// The value of a series, such as `key_info{kid="",alg="HS256"}`.
    #[must_use]
    pub fn get(&self, series: &str) -> Option<f64> {
        self.metrics().series().find(|(name, _)| *name == series).map(|(_, value)| value)
    }
}

/// The text that came.
pub struct Metrics(pub String);

impl Metrics {
    fn series(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a series and its value");
            (name, value.parse().expect("a number"))
        })
    }

    /// All series of a metric: their labels as text, and their values.
    #[must_use]
    pub fn all(&self, metric: &str) -> BTreeMap<&str, f64> {
        let labelled = self.series().filter_map(|(name, value)| {
            let labels = name.strip_prefix(metric)?.strip_prefix('{')?.strip_suffix('}')?;
            Some((labels, value))
        });
        labelled.collect()
    }

    /// How many requests came to each outcome, and to how many none did.
    #[must_use]
    pub fn outcomes(&self, metric: &str) -> (BTreeMap<&str, u32>, usize) {
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

/// These variables.
#[must_use]
pub fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The key of the contract's tokens in a file in this folder, for a secret that has an age.
///
/// # Panics
///
/// If the folder cannot be written.
#[must_use]
pub fn key_in_file(folder: &Path) -> Environment {
    let path = folder.join("key");
    std::fs::write(&path, SECRET).expect("scratch can be written");
    environment(&[("JWT_SECRET_FILE", path.to_str().expect("UTF-8"))])
}

/// What `login` needs for the users of the contract, in a file in this folder.
///
/// # Panics
///
/// If the folder cannot be written.
pub async fn login_variables(folder: &Path) -> Environment {
    let path = folder.join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("scratch can be written");
    add_users(&users).await;
    users.ping().await.expect("an open file");
    let database = format!("sqlite:{}", path.display());
    environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &database)])
}
