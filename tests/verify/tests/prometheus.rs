//! The metrics and the files in `examples/observability`, with Debian's Prometheus; the dashboard
//! there is checked as far as possible without Grafana.

use std::{collections::HashSet, fs, path::PathBuf, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use system_tests::{
    Environment, Process, Request, Service, USER, add_users, command, key_in_file, mariadb, output,
    scratch, token, wait, workspace,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(1);

fn examples() -> PathBuf {
    workspace().join("examples/observability")
}

fn example(name: &str) -> String {
    fs::read_to_string(examples().join(name)).expect("an example")
}

/// Runs `promtool` in the folder of the examples, which must succeed, and returns its output.
fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = command("promtool", &Environment::new());
    promtool.args(arguments).current_dir(examples());
    let said = output(promtool, input.as_bytes(), LIMIT);
    let text = said.stdout + &said.stderr;
    assert!(said.status.success(), "{arguments:?}: {text}");
    text
}

#[test]
#[ignore = "needs promtool: make verify"]
fn each_alert_fires_above_its_threshold_and_not_below() {
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], "");
    promtool(&["test", "rules", "rules-test.yml"], "");
    let (rules, tests) = (example("rules.yml"), example("rules-test.yml"));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let cases = tests.split("\n  - name: ").filter(|case| case.contains(alert));
        let (silent, firing): (Vec<_>, Vec<_>) =
            cases.partition(|it| it.contains("exp_alerts: []"));
        assert!(!silent.is_empty() && !firing.is_empty(), "{alert} has no test of both cases");
    }
}

/// A running Prometheus.
struct Prometheus {
    _process: Process,
    port: u16,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts it for the metrics ports of `login` and `validate`, with the configuration and rules
    /// of the examples. It scrapes every second, and alerts fire without their delay, which
    /// `rules-test.yml` tests.
    fn start(login: u16, validate: u16) -> Self {
        let (directory, port) = (scratch::directory(), wait::free_port());
        let mut config = example("prometheus.yml");
        for (shipped, here) in [
            ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
            ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
            ("login.example.com:9100", format!("127.0.0.1:{login}")),
            ("validate.example.com:9100", format!("127.0.0.1:{validate}")),
        ] {
            assert_eq!(config.matches(shipped).count(), 1, "{shipped}");
            config = config.replace(shipped, &here);
        }
        let mut rules = String::new();
        rules
            .extend(example("rules.yml").split_inclusive('\n').filter(|it| !it.contains(" for: ")));
        for (name, text) in [("prometheus.yml", config), ("rules.yml", rules)] {
            fs::write(directory.path().join(name), text).expect("scratch can be written");
        }
        let mut prometheus = command("prometheus", &Environment::new());
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        prometheus.current_dir(directory.path());
        let process = Process::start("prometheus", prometheus);
        let ready = format!("http://127.0.0.1:{port}/-/ready");
        let ready = || Request::new("GET", &ready).try_send().is_ok_and(|it| it.status == 200);
        wait_until("Prometheus", ready);
        Self { _process: process, port, _directory: directory }
    }

    /// Evaluates an expression now, and returns the value of each series.
    fn query(&self, expression: &str) -> Vec<f64> {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let url = format!("http://127.0.0.1:{}/api/v1/query?query={query}", self.port);
        let answer = Request::new("GET", &url).send();
        assert_eq!(answer.status, 200, "{expression}: {}", answer.text());
        let answer: Value = serde_json::from_str(answer.text()).expect("JSON");
        let samples = answer["data"]["result"].as_array().expect("a vector").iter();
        let values = samples.map(|it| it["value"][1].as_str().and_then(|it| it.parse().ok()));
        values.map(|value| value.expect("a number")).collect()
    }

    /// Whether this alert fires.
    fn fires(&self, alert: &str) -> bool {
        !self.query(&format!(r#"ALERTS{{alertname="{alert}",alertstate="firing"}}"#)).is_empty()
    }
}

/// Waits for as long as an expression of the examples may take to have a value.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait::until(what, LIMIT, || condition().then_some(()));
}

#[tokio::test]
#[ignore = "needs MariaDB and Prometheus: make verify"]
async fn the_example_alerts_fire_in_time_and_every_panel_has_data() {
    let mut database = mariadb::start();
    add_users(&database).await;
    // With key files and a database, so that all metrics have data.
    let folder = scratch::directory();
    let mut variables = database.login_variables();
    variables.extend(key_in_file(folder.path()));
    let login = Service::start_with_metrics("login", variables);
    let validate = Service::start_with_metrics("validate", key_in_file(folder.path()));
    let prometheus = Prometheus::start(login.metrics_port, validate.metrics_port);

    let try_login = |email: &str, password: &str| {
        login.request("POST", "/login").basic(email, password).send().status
    };
    // A few requests of each kind; counters have to grow between two scrapes.
    let traffic = || {
        assert_eq!(try_login(USER.0, USER.1), 200);
        for (token, status) in [(token("ada@example.com", false), 200), ("x.y.z".into(), 403)] {
            let request = validate.request("GET", "/validate").bearer(&token);
            assert_eq!(request.send().status, status);
        }
    };
    wait_until("both are scraped", || {
        traffic();
        prometheus.query("up == 1").len() == 2
    });
    for function in [&login, &validate] {
        assert_eq!(promtool(&["check", "metrics"], &function.metrics()), "");
    }
    let dashboard: Value = serde_json::from_str(&example("dashboard.json")).expect("JSON");
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
    let (mut ids, mut places) = (HashSet::new(), HashSet::new());
    for panel in dashboard["panels"].as_array().filter(|it| !it.is_empty()).expect("panels") {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].to_string()), "{title} has the id of another panel");
        assert!(places.insert(panel["gridPos"].to_string()), "{title} lies on another panel");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            // A range for which there is data after a minute.
            let query = target["expr"].as_str().expect("a query");
            let query = query.replace("$__rate_interval", "1m");
            wait_until(&format!("{title}: {query}"), || {
                traffic();
                let samples = prometheus.query(&query);
                !samples.is_empty() && samples.iter().all(|value| value.is_finite())
            });
        }
    }
    let alerts = ["ManyFailedLogins", "LoginsUnavailable", "AuthFunctionDown"];
    assert!(!alerts.iter().any(|alert| prometheus.fires(alert)), "an alert fires too early");

    // More than one per second over the five minutes of the rule.
    for number in 0..500 {
        let status = try_login(&format!("user-{}@example.com", number % 50), "wrong");
        assert!([401, 429].contains(&status), "{status}");
    }
    wait_until(alerts[0], || prometheus.fires(alerts[0]));
    database.process.kill();
    for _ in 0..60 {
        assert_eq!(try_login(USER.0, USER.1), 503);
    }
    wait_until(alerts[1], || prometheus.fires(alerts[1]));
    drop(validate);
    wait_until(alerts[2], || prometheus.fires(alerts[2]));
}
