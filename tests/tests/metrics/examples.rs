//! `examples/observability`, as far as it needs no server: Prometheus' own checks of the
//! configuration, the rules and the metrics, and a strict look at the dashboard.

use std::{collections::HashSet, fs, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use system_tests::{
    contract::{SECRET, USER},
    metrics::MeasuredService,
    process::Output,
    prometheus::{examples, promtool},
    scratch, wait,
};

use super::{environment, login_variables};

fn good(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.stdout, output.stderr);
}

#[test]
#[ignore = "needs promtool: make test"]
fn promtool_finds_nothing_wrong_with_the_configuration() {
    good(&promtool(&["check", "config", "prometheus.yml"], ""));
    good(&promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], ""));
}

#[test]
#[ignore = "needs promtool: make test"]
fn each_alert_fires_when_it_should_and_not_when_it_comes_close() {
    good(&promtool(&["test", "rules", "rules-test.yml"], ""));
    let read = |name| fs::read_to_string(examples().join(name)).expect("an example");
    let (rules, tests) = (read("rules.yml"), read("rules-test.yml"));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        let tried = tests
            .split("\n  - name: ")
            .filter(|test| test.lines().any(|line| line.trim() == format!("alertname: {alert}")));
        let (silent, firing): (Vec<_>, Vec<_>) =
            tried.partition(|test| test.contains("exp_alerts: []"));
        assert!(!silent.is_empty() && !firing.is_empty(), "{alert} is not tried both ways");
    }
}

#[tokio::test]
#[ignore = "needs promtool: make test"]
async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let folder = scratch::directory();
    let login = MeasuredService::start("login", login_variables(folder.path()).await);
    let request = login.service.request("POST", "/login").basic(USER.0, USER.1);
    assert_eq!(request.send().status, 200);
    let key = folder.path().join("key");
    fs::write(&key, SECRET).expect("scratch");
    let file = key.to_str().expect("UTF-8");
    let validate = MeasuredService::start("validate", environment(&[("JWT_SECRET_FILE", file)]));
    for function in [&login, &validate] {
        let metrics = function.metrics();
        let checked = promtool(&["check", "metrics"], &metrics.text);
        good(&checked);
        assert_eq!((checked.stdout.as_str(), checked.stderr.as_str()), ("", ""));
        for name in metrics.names() {
            assert!(metrics.text.contains(&format!("# HELP {name} ")), "{name} has no help");
        }
    }
}

/// A dashboard with the members that Grafana's schema 38 gives it, as far as ours has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dashboard {
    title: String,
    uid: String,
    #[serde(rename = "tags")]
    _tags: Vec<String>,
    #[serde(rename = "timezone")]
    _timezone: String,
    schema_version: u32,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "editable")]
    _editable: bool,
    #[serde(rename = "refresh")]
    _refresh: String,
    #[serde(rename = "time")]
    _time: Value,
    templating: Value,
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Panel {
    id: u32,
    r#type: String,
    title: String,
    description: String,
    datasource: Value,
    grid_pos: Place,
    field_config: Value,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Target {
    ref_id: String,
    datasource: Value,
    expr: String,
    legend_format: String,
}

fn dashboard() -> Dashboard {
    let text = fs::read_to_string(examples().join("dashboard.json")).expect("an example");
    serde_json::from_str(&text).expect("a dashboard")
}

/// Each query of the dashboard with its panel, for a range that has data after a minute.
pub(crate) fn queries() -> Vec<(String, String)> {
    let panels = dashboard().panels.into_iter();
    let queries = panels.flat_map(|panel| {
        let title = panel.title;
        panel.targets.into_iter().map(move |target| (title.clone(), target.expr))
    });
    queries.map(|(title, expr)| (title, expr.replace("$__rate_interval", "1m"))).collect()
}

#[test]
fn the_dashboard_is_one() {
    let dashboard = dashboard();
    assert_eq!(
        (dashboard.title.as_str(), dashboard.uid.as_str()),
        ("auth functions", "auth-functions")
    );
    assert_eq!(dashboard.schema_version, 38);
    assert_eq!(dashboard.templating["list"][0]["name"], "datasource");
    let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
    for panel in &dashboard.panels {
        let title = &panel.title;
        assert!(ids.insert(panel.id), "{title}: its id is another one's");
        assert_eq!(panel.r#type, "timeseries", "{title}");
        assert!(!panel.description.is_empty() && !panel.targets.is_empty(), "{title}");
        assert!(panel.field_config["defaults"]["unit"].is_string(), "{title}");
        let Place { x, y, w, h } = panel.grid_pos;
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}: a row has 24 columns");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} lies on another panel");
        }
        let mut references = HashSet::new();
        for target in &panel.targets {
            assert!(references.insert(&target.ref_id), "{title}");
            assert_eq!(target.datasource, panel.datasource, "{title}");
            assert!(!target.legend_format.is_empty(), "{title}");
        }
        assert_eq!(panel.datasource["uid"], "${datasource}", "{title}");
    }
}

/// Waits as long as a shipped expression may need to see something.
pub(crate) fn soon<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    wait::until(what, Duration::from_mins(1), attempt)
}
