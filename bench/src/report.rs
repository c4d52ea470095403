//! What is printed and written.

mod table;
mod target;

pub(crate) use target::Target;

use std::{fs, path::PathBuf};

use serde::Serialize;
use system_tests::workspace;

use crate::{
    machine::Machine,
    plan::Plan,
    plot,
    series::{Series, Spread},
};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    #[serde(rename = "requests/s")]
    RequestsPerSecond,
    #[serde(rename = "µs of CPU a request")]
    CpuMicroseconds,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "MB")]
    Megabytes,
    #[serde(rename = "MiB")]
    Mebibytes,
    #[serde(rename = "a login")]
    PerLogin,
    #[serde(rename = "×")]
    Times,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequestsPerSecond => "requests/s",
            Self::CpuMicroseconds => "µs of CPU a request",
            Self::Milliseconds => "ms",
            Self::Megabytes => "MB",
            Self::Mebibytes => "MiB",
            Self::PerLogin => "a login",
            Self::Times => "×",
        }
    }
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) figure: Spread,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) target: Option<Target>,
    pub(crate) met: Option<bool>,
}

/// What a figure is compared with, in the same run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Baseline {
    pub(crate) name: String,
    /// Of the figure to the baseline's, of each round.
    pub(crate) ratio: Spread,
}

impl Row {
    pub(crate) fn new(what: &str, unit: Unit, series: &Series) -> Self {
        let (what, figure) = (what.to_owned(), series.spread());
        Self { what, unit, figure, baseline: None, target: None, met: None }
    }

    /// The same beside a baseline, given the ratios to it.
    pub(crate) fn beside(mut self, name: &str, ratios: &Series) -> Self {
        self.baseline = Some(Baseline { name: name.to_owned(), ratio: ratios.spread() });
        self
    }

    /// What the median has to be: that of the ratio, where there is one.
    pub(crate) fn target(mut self, target: Target) -> Self {
        let figure = self.baseline.as_ref().map_or(self.figure, |baseline| baseline.ratio);
        self.met = Some(target.is_met_by(figure.median));
        self.target = Some(target);
        self
    }
}

/// What one section has measured.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// What a reader has to know.
    pub(crate) notes: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Section {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, notes: Vec::new(), rows: Vec::new() }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rounds: usize,
    seconds: f64,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(machine: Machine, plan: Plan) -> Self {
        let seconds = plan.time.as_secs_f64();
        Self { machine, rounds: plan.rounds, seconds, sections: Vec::new() }
    }

    /// Adds a section, prints it, and writes everything so far.
    ///
    /// # Panics
    ///
    /// If `target/bench` cannot be written.
    pub(crate) fn add(&mut self, section: Section) {
        println!("\n{}", table::text(&section));
        let directory = directory();
        plot::draw(&section, &directory);
        self.sections.push(section);
        let json = serde_json::to_string_pretty(self).expect("figures are JSON");
        fs::write(directory.join("results.json"), json + "\n").expect("target/ can be written");
        let tables: Vec<_> = self.sections.iter().map(table::markdown).collect();
        let text = format!("{}\n\n{}", self.summary(), tables.join("\n"));
        fs::write(directory.join("tables.md"), text).expect("target/ can be written");
    }

    /// Where and how it was measured.
    pub(crate) fn summary(&self) -> String {
        let Self { machine, rounds, seconds, .. } = self;
        format!("{}; {rounds} rounds of {seconds} s", machine.summary())
    }

    /// How many targets are met, and which are not.
    pub(crate) fn verdict(&self) -> (usize, Vec<String>) {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        let (met, missed): (Vec<_>, Vec<_>) =
            rows.filter(|row| row.met.is_some()).partition(|row| row.met == Some(true));
        (met.len(), missed.into_iter().map(table::line).collect())
    }
}

fn directory() -> PathBuf {
    let directory = workspace().join("target/bench");
    fs::create_dir_all(&directory).expect("target/ can be written");
    directory
}
