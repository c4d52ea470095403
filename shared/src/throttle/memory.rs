//! Counts of this process alone, for local work. How many checks run at once has no bound.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::{Reservation, Rule, Subject, ThrottleStore};
use crate::users::StoreError;

/// Counts in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<Subject, Count>>);

#[derive(Debug)]
struct Count {
    failures: i64,
    locked_until: Instant,
    forget_at: Instant,
}

impl MemoryStore {
    /// Those that are still remembered.
    fn counts(&self, now: Instant) -> MutexGuard<'_, HashMap<Subject, Count>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, count| count.forget_at > now);
        counts
    }
}

fn after(now: Instant, milliseconds: i64) -> Instant {
    now + Duration::from_millis(milliseconds.unsigned_abs())
}

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(&self, subject: &Subject, _: &Rule) -> Result<Reservation, StoreError> {
        let now = Instant::now();
        let counts = self.counts(now);
        let remaining =
            counts.get(subject).map(|it| it.locked_until.saturating_duration_since(now));
        Ok(match remaining {
            None => Reservation::Reserved { alone: true },
            Some(Duration::ZERO) => Reservation::Reserved { alone: false },
            Some(remaining) => Reservation::Locked(remaining),
        })
    }

    async fn commit_failure(&self, subject: &Subject, rule: &Rule) -> Result<i64, StoreError> {
        let now = Instant::now();
        let forget_at = after(now, rule.window);
        let first = Count { failures: 0, locked_until: now, forget_at };
        let mut counts = self.counts(now);
        let count = counts.entry(subject.clone()).or_insert(first);
        count.failures += 1;
        if rule.from_last {
            count.forget_at = forget_at;
        }
        count.locked_until = count.forget_at.min(after(now, rule.lock(count.failures)));
        Ok(count.failures)
    }

    async fn release(&self, subject: &Subject, clear: bool) -> Result<(), StoreError> {
        if clear {
            self.counts(Instant::now()).remove(subject);
        }
        Ok(())
    }
}
