//! What a figure has to be.

use std::fmt;

use serde::Serialize;

/// A bound for a median.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Target {
    pub(crate) fn is_met_by(self, median: f64) -> bool {
        match self {
            Self::AtLeast(bound) => median >= bound,
            Self::AtMost(bound) => median <= bound,
            Self::Below(bound) => median < bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(formatter, "≥ {bound}"),
            Self::AtMost(bound) => write!(formatter, "≤ {bound}"),
            Self::Below(bound) => write!(formatter, "< {bound}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_bound_and_what_is_no_number_meets_none() {
        for (target, good, bad) in [
            (Target::AtLeast(0.95), 0.95, 0.94),
            (Target::AtMost(1.1), 1.1, 1.11),
            (Target::Below(2.0), 1.99, 2.0),
        ] {
            assert!(target.is_met_by(good) && !target.is_met_by(bad), "{target}");
            assert!(!target.is_met_by(f64::NAN), "{target}");
        }
    }
}
