//! Prometheus' own checks of the configuration and the rules in `examples/observability`, and of
//! the metrics.

use std::fs;

use system_tests::{contract::USER, scratch};

use super::server::{examples, promtool};
use system_tests::measured::{Measured, key_in_file, login_variables};

#[test]
#[ignore = "needs promtool: make verify"]
fn promtool_finds_nothing_wrong_with_the_configuration() {
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], "");
}

#[test]
#[ignore = "needs promtool: make verify"]
fn each_alert_fires_when_it_should_and_not_when_it_comes_close() {
    promtool(&["test", "rules", "rules-test.yml"], "");
    let read = |name| fs::read_to_string(examples().join(name)).expect("an example");
    let (rules, tests) = (read("rules.yml"), read("rules-test.yml"));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<_> = alerts.collect();
    assert!(alerts.len() > 2, "{alerts:?}");
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
#[ignore = "needs promtool: make verify"]
async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let folder = scratch::directory();
    let login = Measured::start("login", login_variables(folder.path()).await);
    let request = login.service.request("POST", "/login").basic(USER.0, USER.1);
    assert_eq!(request.send().status, 200);
    let validate = Measured::start("validate", key_in_file(folder.path()));
    for function in [&login, &validate] {
        let text = function.metrics().0;
        assert_eq!(promtool(&["check", "metrics"], &text), "");
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for name in types.filter_map(|line| line.split(' ').next()) {
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        }
    }
}
