//! Counts of this process alone, for local work. How many checks run at once has no bound.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Reservation, Rule, ThrottleKey, ThrottleStore};
use crate::users::StoreError;

/// Counts in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<ThrottleKey, Count>>);

#[derive(Debug)]
struct Count {
    failures: i64,
    last: Instant,
    lock: Duration,
}

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(&self, subject: &ThrottleKey, rule: &Rule) -> Result<Reservation, StoreError> {
        let mut counts = self.0.lock().await;
        counts
            .retain(|other, it| other != subject || it.last.elapsed() < milliseconds(rule.window));
        let lock = counts.get(subject).map(|it| it.lock.saturating_sub(it.last.elapsed()));
        Ok(match lock {
            None => Reservation::Reserved { alone: true },
            Some(Duration::ZERO) => Reservation::Reserved { alone: false },
            Some(remaining) => Reservation::Locked(remaining),
        })
    }

    async fn commit_failure(&self, subject: &ThrottleKey, rule: &Rule) -> Result<i64, StoreError> {
        let mut counts = self.0.lock().await;
        let failures = counts.get(subject).map_or(0, |count| count.failures) + 1;
        let lock = milliseconds(rule.lock(failures));
        counts.insert(subject.clone(), Count { failures, last: Instant::now(), lock });
        Ok(failures)
    }

    async fn release(&self, subject: &ThrottleKey, clear: bool) -> Result<(), StoreError> {
        if clear {
            self.0.lock().await.remove(subject);
        }
        Ok(())
    }
}

fn milliseconds(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.unsigned_abs())
}
