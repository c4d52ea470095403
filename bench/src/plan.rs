//! How long is measured, and what is said meanwhile.

use std::{
    env,
    str::FromStr,
    time::{Duration, Instant},
};

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Of one contender in one round.
    pub(crate) time: Duration,
    began: Instant,
}

impl Plan {
    /// `ROUNDS` and `ROUND_SECONDS` of the environment.
    ///
    /// # Panics
    ///
    /// If one of them is no number, or so small that nothing would be measured.
    pub(crate) fn from_environment() -> Self {
        let (rounds, seconds) = (number("ROUNDS", 5), number("ROUND_SECONDS", 3.0));
        assert!((1..=100).contains(&rounds), "ROUNDS is from 1 to 100");
        assert!((0.2..=60.0).contains(&seconds), "ROUND_SECONDS is from 0.2 to 60");
        Self { rounds, time: Duration::from_secs_f64(seconds), began: Instant::now() }
    }

    /// Says what is done now.
    pub(crate) fn say(&self, what: &str) {
        println!("{:>5.0} s  {what}", self.began.elapsed().as_secs_f64());
    }

    /// Does something once a round, and says so.
    pub(crate) fn each_round(&self, what: &str, mut round: impl FnMut()) {
        for number in 1..=self.rounds {
            self.say(&format!("{what}: round {number} of {}", self.rounds));
            round();
        }
    }
}

fn number<T: FromStr>(name: &str, default: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}
