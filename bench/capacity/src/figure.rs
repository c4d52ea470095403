//! A number of the model, with its unit and where it is from.

use crate::{rounding::exact, table::Table};

/// A number that something is worked out from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// What it is a number of.
    pub(crate) what: &'static str,
    /// The number, in `unit`.
    pub(crate) value: f64,
    /// Its unit, as it stands behind the number.
    pub(crate) unit: &'static str,
    /// What measured it, or who says so.
    pub(crate) source: &'static str,
}

impl Figure {
    /// The same figure with another value.
    #[cfg(test)]
    pub(crate) const fn with(self, value: f64) -> Self {
        Self { value, ..self }
    }
}

/// Figures as the page has them.
pub(crate) fn table(heading: &str, figures: &[Figure]) -> Table {
    let mut table = Table::new(&[heading, "figure", "from"]);
    for Figure { what, value, unit, source } in figures {
        let value = exact(*value);
        table.row([(*what).to_owned(), format!("{value} {unit}"), (*source).to_owned()]);
    }
    table
}
