//! How far a long command is: a bar on a terminal, else a line now and then.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Seldom enough for a log, often enough to see that it goes on.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Progress on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    total: u64,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines { latest: Instant },
}

impl Progress {
    /// `what` says what is done to how many, as in `hashed 5 of 10`.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let display = if io::stderr().is_terminal() {
            Display::Bar(bar(what, total))
        } else {
            Display::Lines { latest: Instant::now() }
        };
        Self { what, done: 0, total, display }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        match &mut self.display {
            Display::Bar(bar) => bar.inc(1),
            Display::Lines { latest } => {
                if is_due(latest, Instant::now()) {
                    eprintln!("{} {} of {}", self.what, self.done, self.total);
                }
            }
        }
    }

    /// Prints a line without disturbing the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| eprintln!("{line}")),
            Display::Lines { .. } => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    /// What follows is the result; the bar would only repeat it.
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

const TEMPLATE: &str = "{prefix} {human_pos} of {human_len} {wide_bar} {eta} left";

fn bar(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_prefix(what)
}

/// Whether the latest line is old enough for another one; then this is the latest.
fn is_due(latest: &mut Instant, now: Instant) -> bool {
    let due = now.duration_since(*latest) >= BETWEEN_LINES;
    if due {
        *latest = now;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_now_and_then() {
        let start = Instant::now();
        let mut latest = start;
        let due: Vec<u64> = (0..=12)
            .filter(|second| is_due(&mut latest, start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(due, [5, 10]);
    }

    #[test]
    fn the_template_of_the_bar_can_be_read() {
        assert_eq!(bar("hashed", 5).prefix(), "hashed");
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }
}
