//! The figures that are kept, and what has become of them.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// How much a figure may grow, in hundredths of what is kept.
pub const LIMIT_PERCENT: u64 = 5;

/// What was counted with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The compiler, the C library and valgrind, each of which can move a figure.
    pub made_with: BTreeMap<String, String>,
    /// Instructions of one request, by the name of its path.
    pub per_request: BTreeMap<String, u64>,
}

/// What is kept, by the architecture of the machine.
pub type Kept = BTreeMap<String, Figures>;

/// One figure beside what is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The path.
    pub name: String,
    /// What is kept, if anything.
    pub kept: Option<u64>,
    /// What was counted, if anything.
    pub counted: Option<u64>,
}

impl Row {
    /// How much it has grown, as a part of what is kept.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no request has 2^52 instructions")]
    pub fn growth(&self) -> Option<f64> {
        Some(self.counted? as f64 / self.kept? as f64 - 1.0)
    }

    /// Whether it is as it may be. What is on one side alone is not.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let grown = self.kept.zip(self.counted);
        grown.is_some_and(|(kept, counted)| counted * 100 <= kept * (100 + LIMIT_PERCENT))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |figure: Option<u64>| figure.map_or("-".into(), |figure| figure.to_string());
        let growth = self.growth().map_or("-".into(), |growth| format!("{:+.2} %", growth * 100.0));
        let (name, kept, counted) = (&self.name, number(self.kept), number(self.counted));
        write!(formatter, "{name:<18} {kept:>10} {counted:>10} {growth:>10}")?;
        if self.is_well() { Ok(()) } else { formatter.write_str("  TOO MUCH") }
    }
}

/// Every path that is in either, in the order of names.
#[must_use]
pub fn compare(kept: &Figures, counted: &Figures) -> Vec<Row> {
    let names = kept.per_request.keys().chain(counted.per_request.keys());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    let row = |name: &String| Row {
        name: name.clone(),
        kept: kept.per_request.get(name).copied(),
        counted: counted.per_request.get(name).copied(),
    };
    names.into_iter().map(row).collect()
}

/// What is another than it was when the kept figures were counted, a line for each.
#[must_use]
pub fn differences(kept: &Figures, counted: &Figures) -> Vec<String> {
    let differing =
        counted.made_with.iter().filter(|(name, now)| kept.made_with.get(*name) != Some(*now));
    let line = |(name, now): (&String, &String)| {
        let then = kept.made_with.get(name).map_or("nothing", String::as_str);
        format!("{name}: kept with {then}, counted with {now}")
    };
    differing.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(per_request: &[(&str, u64)]) -> Figures {
        let per_request = per_request.iter().map(|(name, figure)| ((*name).into(), *figure));
        Figures { made_with: BTreeMap::new(), per_request: per_request.collect() }
    }

    fn is_well(kept: u64, counted: u64) -> bool {
        compare(&figures(&[("a", kept)]), &figures(&[("a", counted)])).iter().all(Row::is_well)
    }

    #[test]
    fn growth_of_up_to_5_percent_is_let_through() {
        assert!(is_well(1000, 1050) && is_well(1000, 1000) && is_well(1000, 10));
        assert!(!is_well(1000, 1051));
    }

    #[test]
    fn a_path_on_one_side_alone_is_not_well() {
        let (one, two) = (figures(&[("a", 1)]), figures(&[("a", 1), ("b", 1)]));
        for (kept, counted) in [(&one, &two), (&two, &one)] {
            let well: Vec<_> = compare(kept, counted).iter().map(Row::is_well).collect();
            assert_eq!(well, [true, false]);
        }
    }

    #[test]
    fn another_compiler_is_said() {
        let made_with = |rustc: &str| Figures {
            made_with: BTreeMap::from([("rustc".into(), rustc.into())]),
            ..figures(&[])
        };
        assert_eq!(
            differences(&made_with("1.95"), &made_with("1.96")),
            ["rustc: kept with 1.95, counted with 1.96"]
        );
        assert!(differences(&made_with("1.95"), &made_with("1.95")).is_empty());
    }
}
