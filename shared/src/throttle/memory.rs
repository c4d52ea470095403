//! Counts of this process alone, for local work. They do not bound how many attempts are reserved at
//! once.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Decision, Rule, ThrottleKey, ThrottleStore};
use crate::{
    database::DatabaseError,
    telemetry::{HealthCheck, HealthError},
};

/// Counts in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<HashMap<ThrottleKey, Count>>);

struct Count {
    failures: i64,
    locked_until: Instant,
    forget_at: Instant,
}

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(&self, key: &ThrottleKey, _: &Rule) -> Result<Decision, DatabaseError> {
        let (mut counts, now) = (self.0.lock().await, Instant::now());
        counts.retain(|_, count| count.forget_at > now);
        let locked = counts.get(key).map(|it| it.locked_until.saturating_duration_since(now));
        Ok(match locked {
            None => Decision::Reserved { is_first: true },
            Some(Duration::ZERO) => Decision::Reserved { is_first: false },
            Some(remaining) => Decision::Locked(remaining),
        })
    }

    async fn commit_failure(&self, key: &ThrottleKey, rule: &Rule) -> Result<i64, DatabaseError> {
        let (mut counts, now) = (self.0.lock().await, Instant::now());
        let first = Count { failures: 0, locked_until: now, forget_at: now + rule.window };
        let count = counts.entry(key.clone()).or_insert(first);
        count.failures += 1;
        if rule.counts_in_a_row {
            count.forget_at = now + rule.window;
        }
        count.locked_until = count.forget_at.min(now + rule.lock(count.failures));
        Ok(count.failures)
    }

    async fn release(&self, key: &ThrottleKey, reset: bool) -> Result<(), DatabaseError> {
        if reset {
            self.0.lock().await.remove(key);
        }
        Ok(())
    }
}

#[async_trait]
impl HealthCheck for MemoryStore {
    async fn check(&self) -> Result<(), HealthError> {
        Ok(())
    }
}
