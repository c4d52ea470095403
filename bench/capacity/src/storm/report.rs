//! What came of the scenarios, as the page has it.

use super::{
    Micros, SECOND, Scenario,
    outcome::{Outcome, quantile},
    scenario::STORM,
    seconds,
};
use crate::{rounding::figure, table::Table};

/// What is said of each scenario in a row.
pub(crate) fn table(outcomes: &[(Scenario, Outcome)]) -> Table {
    let mut table = Table::new(&[
        "door",
        "clients",
        "well again after",
        "gave up, of the storm and of others",
        "logins a second until then",
        "answer, p50 and p99",
        "from the first try, p50 and p99",
        "hashes wasted",
        "most tries in a second",
    ]);
    let mut door = "";
    for (scenario, outcome) in outcomes {
        let name = if scenario.door == door { "" } else { scenario.door };
        door = scenario.door;
        table.row([
            name.to_owned(),
            scenario.behaviour.to_owned(),
            recovery(scenario, outcome),
            format!("{}, {}", percent(outcome.storm.lost()), percent(outcome.usual.lost())),
            figure(outcome.goodput(scenario.load.observed)),
            two(&outcome.answers),
            two(&outcome.waits),
            percent(outcome.wasted_share()),
            figure(seconds(outcome.peak() * SECOND)),
        ]);
    }
    table
}

/// Whether, and when, everybody was let in at once again.
fn recovery(scenario: &Scenario, outcome: &Outcome) -> String {
    let observed = scenario.load.observed;
    if outcome.last_failure + 10 * SECOND > observed {
        return format!("**not within {} s**", observed / SECOND);
    }
    format!("{} s", figure(seconds(outcome.last_failure)))
}

fn percent(share: f64) -> String {
    format!("{} %", figure(share * 100.0))
}

fn two(times: &[Micros]) -> String {
    let text = |percent| figure(quantile(times, percent).map_or(0.0, seconds));
    format!("{}, {} s", text(50), text(99))
}

/// Seconds of each character of the plot.
const STEP: usize = 5;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Tokens over time, a line for each door and the last kind of clients there; a full bar is what the service can do.
pub(crate) fn plot(outcomes: &[(Scenario, Outcome)]) -> String {
    let until = usize::try_from(STORM.observed / SECOND).expect("seconds");
    let mut lines = vec!["```text".to_owned()];
    for door in outcomes.chunk_by(|(one, _), (two, _)| one.door == two.door) {
        let Some((scenario, outcome)) = door.last() else { continue };
        let full = scenario.service.capacity();
        let bars: String = (0..until / STEP).map(|step| bar(outcome, step, full)).collect();
        lines.push(format!("{} | {}", scenario.door, scenario.behaviour).replace('`', ""));
        lines.push(format!("  {bars}|"));
    }
    lines.push(format!("  {:<width$}{until} s", "0", width = until / STEP));
    lines.push("```".to_owned());
    lines.join("\n")
}

fn bar(outcome: &Outcome, step: usize, full: f64) -> char {
    let tokens: u64 = outcome.tokens.iter().skip(step * STEP).take(STEP).sum();
    let a_second = seconds(tokens * SECOND) / seconds(STEP as u64 * SECOND);
    let share = (a_second / full).clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
    BARS[(share * 8.0).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bar_is_what_the_service_can_do() {
        let tokens = [[100; 5], [50; 5], [0; 5]].concat();
        let outcome = Outcome { tokens, ..Outcome::default() };
        assert_eq!([0, 1, 2].map(|step| bar(&outcome, step, 100.0)), ['█', '▄', ' ']);
    }
}
