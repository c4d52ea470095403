//! What was measured several times.

use std::time::Duration;

use serde::Serialize;

/// One figure, a value for each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<f64>);

/// The middle of a series, and its ends.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn push_ms(&mut self, time: Duration) {
        self.push(ms(time));
    }

    /// The value that this share of all values does not exceed.
    ///
    /// # Panics
    ///
    /// If nothing was measured.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = (float(sorted.len() as u64) * share).ceil() as usize;
        sorted[index.clamp(1, sorted.len()) - 1]
    }

    /// The median, and between the two middle values where their number is even.
    pub(crate) fn median(&self) -> f64 {
        let above = Self(self.0.iter().map(|value| -value).collect());
        f64::midpoint(self.quantile(0.5), -above.quantile(0.5))
    }

    pub(crate) fn spread(&self) -> Spread {
        Spread { median: self.median(), min: self.quantile(0.0), max: self.quantile(1.0) }
    }

    /// Round by round, so that what slows the whole machine down for a while slows both.
    ///
    /// # Panics
    ///
    /// If the other one has another number of rounds.
    pub(crate) fn ratio_to(&self, baseline: &Self) -> Self {
        self.with(baseline, |value, base| value / base)
    }

    /// What it is above the other one, round by round.
    pub(crate) fn above(&self, baseline: &Self) -> Self {
        self.with(baseline, |value, base| value - base)
    }

    /// So many times each value.
    pub(crate) fn times(&self, factor: f64) -> Self {
        self.0.iter().map(|value| value * factor).collect()
    }

    fn with(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "rounds of both");
        Self(self.0.iter().zip(&other.0).map(|(one, two)| combine(*one, *two)).collect())
    }

    /// Many values as a few rounds of so many each: their medians.
    pub(crate) fn medians_of(&self, each: usize) -> Self {
        self.0.chunks(each).map(|round| Self(round.to_vec()).median()).collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        let odd: Series = [3.0, 1.0, 2.0].into_iter().collect();
        let Spread { median, min, max } = odd.spread();
        assert_eq!([median, min, max].map(f64::to_bits), [2.0, 1.0, 3.0].map(f64::to_bits));
        let even: Series = [4.0, 1.0, 2.0, 3.0].into_iter().collect();
        assert_eq!(even.median().to_bits(), 2.5_f64.to_bits());
        assert_eq!(even.quantile(0.75).to_bits(), 3.0_f64.to_bits());
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let ours: Series = [10.0, 40.0].into_iter().collect();
        let base: Series = [5.0, 10.0].into_iter().collect();
        assert_eq!(ours.ratio_to(&base).0, [2.0, 4.0]);
        assert_eq!(ours.above(&base).0, [5.0, 30.0]);
    }
}
