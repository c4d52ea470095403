//! What came of a storm.

use super::{Micros, SECOND, agenda::Attempt, seconds};

/// How some clients ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// All of them.
    pub(crate) clients: u64,
    /// Those who have a token.
    pub(crate) logged_in: u64,
    /// Those who gave up.
    pub(crate) gave_up: u64,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The users whose sessions were gone.
    pub(crate) storm: Group,
    /// The others.
    pub(crate) usual: Group,
    /// Tries that were refused at once.
    pub(crate) refused: u64,
    /// Tries whose client did not wait for the answer.
    pub(crate) timed_out: u64,
    /// Hashes in all.
    pub(crate) hashes: u64,
    /// Hashes whose client was gone.
    pub(crate) wasted: u64,
    /// When the last try failed: from then on everybody was let in at once.
    pub(crate) last_failure: Micros,
    /// From a try to its token, for each token of the storm.
    pub(crate) answers: Vec<Micros>,
    /// From a client's first try to its token, for the same.
    pub(crate) waits: Vec<Micros>,
    /// Tries in each second.
    pub(crate) tries: Vec<u64>,
    /// Tokens in each second.
    pub(crate) tokens: Vec<u64>,
}

impl Group {
    /// The share that gave up.
    pub(crate) fn lost(&self) -> f64 {
        seconds(self.gave_up) / seconds(self.clients.max(1))
    }
}

impl Outcome {
    pub(super) fn tried(&mut self, now: Micros) {
        count(&mut self.tries, now);
    }

    /// The group of a client: the first ones are the storm.
    pub(super) fn group(&mut self, client: usize) -> &mut Group {
        if (client as u64) < self.storm.clients { &mut self.storm } else { &mut self.usual }
    }

    pub(super) fn logged_in(&mut self, began: Micros, attempt: Attempt, now: Micros) {
        self.group(attempt.client).logged_in += 1;
        if (attempt.client as u64) < self.storm.clients {
            self.answers.push(now - attempt.sent);
            self.waits.push(now - began);
        }
        count(&mut self.tokens, now);
    }

    /// Most tries in a second.
    pub(crate) fn peak(&self) -> u64 {
        self.tries.iter().copied().max().unwrap_or_default()
    }

    /// Tokens a second until all was well again, or until `observed`.
    pub(crate) fn goodput(&self, observed: Micros) -> f64 {
        let until = usize::try_from(self.last_failure.min(observed) / SECOND).expect("seconds");
        let tokens: u64 = self.tokens.iter().take(until + 1).sum();
        seconds(tokens * SECOND) / seconds((until as u64 + 1) * SECOND)
    }

    /// The share of hashes that nobody waited for.
    pub(crate) fn wasted_share(&self) -> f64 {
        seconds(self.wasted) / seconds(self.hashes.max(1))
    }
}

/// The value that this share of all values does not exceed; nothing of nothing.
pub(crate) fn quantile(values: &[Micros], percent: usize) -> Option<Micros> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() * percent).div_ceil(100);
    sorted.get(index.max(1) - 1).copied()
}

fn count(seconds: &mut Vec<u64>, now: Micros) {
    let second = usize::try_from(now / SECOND).expect("seconds");
    if seconds.len() <= second {
        seconds.resize(second + 1, 0);
    }
    seconds[second] += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<Micros> = (1..=200).rev().collect();
        assert_eq!(quantile(&values, 50), Some(100));
        assert_eq!(quantile(&values, 99), Some(198));
        assert_eq!(quantile(&[7], 50), Some(7));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn goodput_is_counted_until_the_last_failure() {
        let tokens = vec![10, 20, 30, 500];
        let outcome = Outcome { tokens, last_failure: 2 * SECOND + 1, ..Outcome::default() };
        assert!((outcome.goodput(10 * SECOND) - 20.0).abs() < 1e-9);
    }
}
