//! The functions as HTTP processes.

use std::{
    collections::BTreeMap,
    process::{Command, ExitStatus},
    thread,
    time::Duration,
};

use crate::{
    Answer, Environment, Output, Process, Request, binary, command, contract, output, wait,
};

/// For the start of a service, with Secrets Manager and on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);
/// For the end of a service, with the longest drain time.
const END_LIMIT: Duration = Duration::from_secs(40);

/// A running function.
pub struct Service {
    /// Its process, for signals.
    pub process: Process,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The port of its metrics, or 0.
    pub metrics_port: u16,
}

impl Service {
    /// Starts `login`, `validate`, `authorizer` or `local` with these variables, and waits up to
    /// 20 s until `/readyz` is 200. Defaults: a free port, no draining, and the key of the
    /// contract's tokens (except for `local`, which makes a key).
    pub fn start(name: &str, variables: Environment) -> Self {
        Self::start_command(name, |variables| command(binary(name), variables), 200, variables)
    }

    /// Like [`start`](Self::start), but waits until `/readyz` is 503.
    pub fn start_unready(name: &str, variables: Environment) -> Self {
        Self::start_command(name, |variables| command(binary(name), variables), 503, variables)
    }

    /// Like [`start`](Self::start), with metrics on a free port.
    pub fn start_with_metrics(name: &str, mut variables: Environment) -> Self {
        variables.insert("METRICS_PORT".into(), wait::free_port().to_string());
        Self::start(name, variables)
    }

    /// Like [`start`](Self::start), with a command such as [`shell`] and a status of `/readyz`.
    pub fn start_command(
        name: &str,
        command: impl FnOnce(&Environment) -> Command,
        readiness: u16,
        mut variables: Environment,
    ) -> Self {
        if name != "local" {
            variables = contract::with_key(variables);
        }
        variables.entry("PORT".into()).or_insert_with(|| wait::free_port().to_string());
        variables.entry("DRAIN_SECONDS".into()).or_insert("0".into());
        variables.insert("HOST".into(), "127.0.0.1".into());
        let port = |name| variables.get(name).map_or(0, |port| port.parse().expect("a port"));
        let (port, metrics_port) = (port("PORT"), port("METRICS_PORT"));
        let process = Process::start(name, command(&variables));
        let mut service = Self { process, port, metrics_port };
        wait::until(&format!("/readyz of {name} is {readiness}"), START_LIMIT, || {
            if let Some(status) = service.process.exit_status() {
                panic!("{name} ended at its start: {status}");
            }
            let answer = service.request("GET", "/readyz").try_send().ok()?;
            (answer.status == readiness).then_some(())
        });
        service
    }

    /// The URL of a path, such as `/login`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A request to this service.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, path).to(self.port)
    }

    /// All that it has logged so far. It logs on a separate thread, shortly after it answers.
    pub fn log(&self) -> String {
        let mut log = String::new();
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(20));
            let before = std::mem::replace(&mut log, self.process.log());
            if log.len() == before.len() {
                break;
            }
        }
        log
    }

    /// Ends it with SIGTERM within 40 s, and returns its exit status and its whole log.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        (self.process.terminate(END_LIMIT), self.process.log())
    }

    /// Sends a request to the metrics port.
    pub fn send_to_metrics_port(&self, method: &str, path: &str) -> Answer {
        Request::new(method, path).to(self.metrics_port).send()
    }

    /// All metrics, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        let answer = self.send_to_metrics_port("GET", "/metrics");
        let media_type = Some("text/plain; version=0.0.4; charset=utf-8");
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{answer:?}");
        answer.text().to_owned()
    }

    /// The values of all series of a metric by their labels, such as `kid="",alg="HS256"`.
    pub fn series(&self, metric: &str) -> BTreeMap<String, f64> {
        let text = self.metrics();
        let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
        let series = lines.map(|line| {
            let (labels, value) = line.rsplit_once("} ").expect("a series and its value");
            (labels.to_owned(), value.parse().expect("a number"))
        });
        series.collect()
    }

    /// The value of one series, such as `secret_age_seconds{secret="jwt"}`.
    pub fn value(&self, series: &str) -> Option<f64> {
        let text = self.metrics();
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }
}

/// A shell command in which `"$0"` is this program, for limits and redirections.
pub fn shell(name: &str, line: &str) -> impl Fn(&Environment) -> Command {
    let (program, line) = (binary(name), line.to_owned());
    move |variables| {
        let mut command = command("/bin/sh", variables);
        command.arg("-c").arg(&line).arg(&program);
        command
    }
}

/// Runs a program of this workspace, for up to 40 s.
pub fn run(name: &str, arguments: &[&str], variables: &Environment, input: &str) -> Output {
    let mut command = command(binary(name), variables);
    command.args(arguments);
    output(command, input.as_bytes(), END_LIMIT)
}

/// Starts `login` with this database, and `validate`.
pub fn start_both(database: Environment) -> [Service; 2] {
    [Service::start("login", database), Service::start("validate", Environment::new())]
}

/// Checks every row of the contract over HTTP.
pub fn check_contract([login, validate]: &[Service; 2]) {
    let send = |function: &str, request: &Request| {
        let port = if function == "login" { login.port } else { validate.port };
        request.clone().to(port).send()
    };
    contract::check(send, |_, _| true);
}
