//! `examples/observability/dashboard.json`, as far as it can be looked at without Grafana.

use std::{collections::HashSet, fs};

use serde_json::Value;

use super::server::examples;

/// The members that schema 38 of Grafana gives a dashboard, a panel and a query, as far as ours
/// have them.
const DASHBOARD: &str =
    "editable panels refresh schemaVersion tags templating time timezone title uid version";
const PANEL: &str = "datasource description fieldConfig gridPos id targets title type";
const TARGET: &str = "datasource expr legendFormat refId";

fn dashboard() -> Value {
    let text = fs::read_to_string(examples().join("dashboard.json")).expect("an example");
    serde_json::from_str(&text).expect("JSON")
}

fn list<'a>(of: &'a Value, member: &str) -> &'a Vec<Value> {
    of[member].as_array().unwrap_or_else(|| panic!("no {member} in {of}"))
}

fn text<'a>(of: &'a Value, member: &str) -> &'a str {
    let text = of[member].as_str().filter(|text| !text.is_empty());
    text.unwrap_or_else(|| panic!("no {member} in {of}"))
}

/// Each query with its panel, for a range that has data after a minute.
pub(crate) fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let queries = list(&dashboard, "panels").iter().flat_map(|panel| {
        let query = |target| text(target, "expr").replace("$__rate_interval", "1m");
        list(panel, "targets").iter().map(move |it| (text(panel, "title").to_owned(), query(it)))
    });
    let queries: Vec<_> = queries.collect();
    assert!(!queries.is_empty(), "no panel asks anything");
    queries
}

fn has_members(of: &Value, expected: &str) {
    let mut members: Vec<_> = of.as_object().expect("an object").keys().cloned().collect();
    members.sort_unstable();
    assert_eq!(members.join(" "), expected);
}

#[test]
fn the_dashboard_is_one() {
    let dashboard = dashboard();
    has_members(&dashboard, DASHBOARD);
    assert_eq!(text(&dashboard, "title"), "auth functions");
    assert_eq!(text(&dashboard, "uid"), "auth-functions");
    assert_eq!(dashboard["schemaVersion"], 38);
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
    let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
    for panel in list(&dashboard, "panels") {
        has_members(panel, PANEL);
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: another one's id");
        assert_eq!(text(panel, "type"), "timeseries", "{title}");
        text(panel, "description");
        text(&panel["fieldConfig"]["defaults"], "unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        has_members(&panel["gridPos"], "h w x y");
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|it| panel["gridPos"][it].as_u64().expect("a number"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}: a row has 24 columns");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} lies on another panel");
        }
        let mut references = HashSet::new();
        for target in list(panel, "targets") {
            has_members(target, TARGET);
            assert!(references.insert(text(target, "refId")), "{title}");
            assert_eq!(target["datasource"], panel["datasource"], "{title}");
            text(target, "legendFormat");
        }
        assert!(!references.is_empty(), "{title}");
    }
}
