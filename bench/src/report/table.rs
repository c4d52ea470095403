//! Figures as people read them.

use std::fmt::Write;

use super::{Row, Section};
use crate::series::Spread;

/// For a terminal.
pub(super) fn text(section: &Section) -> String {
    let mut text = format!("{}\n", section.name);
    for row in &section.rows {
        let _ = writeln!(text, "  {}", line(row));
    }
    for note in &section.notes {
        let _ = writeln!(text, "  ({note})");
    }
    text
}

/// One row for a terminal.
pub(super) fn line(row: &Row) -> String {
    let [what, figure, ratio, target, met] = cells(row);
    let line = format!("{what:<58} {figure:<42} {ratio}");
    let verdict = if met.is_empty() { String::new() } else { format!("   {target}: {met}") };
    format!("{line}{verdict}").trim_end().to_owned()
}

/// For `docs/performance.md`.
pub(super) fn markdown(section: &Section) -> String {
    let mut text = format!("### {}\n\n", section.name);
    let _ = writeln!(text, "| what | median (least to most) | beside | target | |");
    let _ = writeln!(text, "|---|---|---|---|---|");
    for row in &section.rows {
        let _ = writeln!(text, "| {} |", cells(row).join(" | "));
    }
    for note in &section.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

fn cells(row: &Row) -> [String; 5] {
    let figure = format!("{} {}", spread(row.figure), row.unit.name());
    let ratio = row
        .baseline
        .as_ref()
        .map(|baseline| format!("{} × {}", spread(baseline.ratio), baseline.name));
    let target = row.target.map(|target| target.to_string());
    let met = row.met.map(|met| if met { "met" } else { "NOT MET" }.to_owned());
    let or_nothing = Option::unwrap_or_default;
    [row.what.clone(), figure, or_nothing(ratio), or_nothing(target), or_nothing(met)]
}

fn spread(Spread { median, min, max }: Spread) -> String {
    if min.to_bits() == max.to_bits() {
        return number(median);
    }
    format!("{} ({} to {})", number(median), number(min), number(max))
}

/// Three digits that say something, more where the number is longer.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{Target, Unit},
        series::Series,
    };

    #[test]
    fn a_row_says_whether_its_ratio_meets_the_target() {
        let ours: Series = [90.0, 100.0, 95.0].into_iter().collect();
        let base: Series = [100.0, 100.0, 100.0].into_iter().collect();
        let row = Row::new("validate", Unit::RequestsPerSecond, &ours)
            .beside("bare", &ours.ratio_to(&base));
        let good = line(&row.clone().target(Target::AtLeast(0.95)));
        assert!(good.contains("95.0 (90.0 to 100) requests/s"), "{good}");
        assert!(good.ends_with("0.950 (0.900 to 1.00) × bare   ≥ 0.95: met"), "{good}");
        let bad = line(&row.target(Target::AtLeast(0.96)));
        assert!(bad.ends_with("≥ 0.96: NOT MET"), "{bad}");
    }
}
