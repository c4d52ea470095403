//! Counts of this process alone, for local work. They do not bound how many attempts
//! are reserved at once, and each failure begins the time after which the count is forgotten anew.

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

/// Counts in memory: how many failures there are, and when the last one was.
#[derive(Default)]
pub struct MemoryStore(Mutex<HashMap<ThrottleKey, (i64, Instant)>>);

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(&self, key: &ThrottleKey, rule: &Rule) -> Result<Decision, DatabaseError> {
        let mut counts = self.0.lock().await;
        let Some((failures, last)) = counts.get(key) else {
            return Ok(Decision::Reserved { is_first: true });
        };
        let locked = rule.lock(*failures).saturating_sub(last.elapsed());
        if last.elapsed() > rule.window {
            counts.remove(key);
        }
        Ok(match locked {
            Duration::ZERO => Decision::Reserved { is_first: false },
            remaining => Decision::Locked(remaining),
        })
    }

    async fn commit_failure(&self, key: &ThrottleKey, _: &Rule) -> Result<i64, DatabaseError> {
        let mut counts = self.0.lock().await;
        let count = counts.entry(key.clone()).or_insert((0, Instant::now()));
        *count = (count.0 + 1, Instant::now());
        Ok(count.0)
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
