//! A warning whose cause clients can repeat.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// When such a warning is said: once a minute at most.
#[derive(Debug, Default)]
pub struct RepeatedWarning(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    times: u64,
}

impl RepeatedWarning {
    /// Counts its cause once more. How often there was one since the warning was last said, if
    /// it is to be said now.
    pub fn due(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.times += 1;
        if state.said.is_some_and(|said| said.elapsed() < AT_MOST_EVERY) {
            return None;
        }
        state.said = Some(Instant::now());
        Some(std::mem::take(&mut state.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_once_a_minute_and_how_often_it_was_due() {
        let warning = RepeatedWarning::default();
        assert_eq!(warning.due(), Some(1));
        for _ in 0..2015 {
            assert_eq!(warning.due(), None);
        }
        tokio::time::advance(AT_MOST_EVERY).await;
        assert_eq!(warning.due(), Some(2016));
        assert_eq!(warning.due(), None);
    }
}
