//! Clients: when each tries, and when it tries again.

use super::{Micros, SECOND, random::Random};

/// What a client does when it was refused, or when no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Tries again.
    AtOnce,
    /// Waits for so long, as `Retry-After` says.
    After(Micros),
    /// The same and up to half as long again, by chance, as `examples/clients` do.
    AfterSpread(Micros),
    /// Waits for a time by chance, from nothing to `first`, then to twice that and so on, to
    /// `most` at the most.
    Backoff {
        /// The longest first wait.
        first: Micros,
        /// The longest wait.
        most: Micros,
    },
}

impl Retry {
    /// How long a client waits behind its try of this number, the first being 1.
    pub(super) fn wait(self, number: u32, random: &mut Random) -> Micros {
        match self {
            Self::AtOnce => 0,
            Self::After(wait) => wait,
            Self::AfterSpread(wait) => wait + random.below(wait / 2 + 1),
            Self::Backoff { first, most } => {
                let doubled = first.saturating_mul(1 << (number - 1).min(30));
                random.below(doubled.min(most) + 1)
            }
        }
    }
}

/// How all clients of a scenario behave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clients {
    /// What they do without an answer.
    pub(crate) retry: Retry,
    /// From the end of one try to the next, at the least: the network, TLS, the gateway.
    pub(crate) round_trip: Micros,
    /// How long they wait for an answer.
    pub(crate) time_out: Micros,
    /// When they give up, from their first try on.
    pub(crate) patience: Micros,
    /// How many tries they make at the most.
    pub(crate) tries: u32,
}

/// Who logs in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Users whose sessions are gone.
    pub(crate) users: usize,
    /// They come within this time, at times by chance.
    pub(crate) within: Micros,
    /// Others who log in all the while, a second.
    pub(crate) usual: u64,
    /// For how long others come.
    pub(crate) observed: Micros,
}

impl Load {
    /// When each client tries first.
    pub(super) fn arrivals(&self, random: &mut Random) -> Vec<Micros> {
        let storm = (0..self.users).map(|_| random.below(self.within)).collect::<Vec<_>>();
        let others = self.usual * self.observed / SECOND;
        let usual = (0..others).map(|number| number * SECOND / self.usual);
        storm.into_iter().chain(usual).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_within_its_bounds() {
        let mut random = Random::new(1);
        let backoff = Retry::Backoff { first: SECOND, most: 20 * SECOND };
        for _ in 0..1000 {
            assert!(backoff.wait(1, &mut random) <= SECOND);
            assert!(backoff.wait(3, &mut random) <= 4 * SECOND);
            assert!(backoff.wait(u32::MAX, &mut random) <= 20 * SECOND);
            let spread = Retry::AfterSpread(2 * SECOND).wait(1, &mut random);
            assert!((2 * SECOND..=3 * SECOND).contains(&spread));
        }
        assert_eq!(Retry::After(SECOND).wait(9, &mut random), SECOND);
    }

    #[test]
    fn everybody_comes_once() {
        let load = Load { users: 100, within: SECOND, usual: 10, observed: 5 * SECOND };
        let arrivals = load.arrivals(&mut Random::new(1));
        assert_eq!(arrivals.len(), 150);
        assert!(arrivals[..100].iter().all(|at| *at < SECOND));
        assert_eq!(arrivals[149], 4_900_000);
    }
}
