//! Counts of this process alone, for local work. They do not bound how many attempts
//! are reserved at once.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use super::{Decision, Rule, ThrottleKey, ThrottleStore, ThrottleStoreError};

/// Counts in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<ThrottleKey, Count>>);

#[derive(Debug)]
struct Count {
    failures: i64,
    locked_until: Instant,
    forget_at: Instant,
}

impl MemoryStore {
    /// The counts that have not expired.
    async fn counts(&self) -> MutexGuard<'_, HashMap<ThrottleKey, Count>> {
        let mut counts = self.0.lock().await;
        counts.retain(|_, count| count.forget_at > Instant::now());
        counts
    }
}

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(
        &self,
        subject: &ThrottleKey,
        _: &Rule,
    ) -> Result<Decision, ThrottleStoreError> {
        let counts = self.counts().await;
        let lock =
            counts.get(subject).map(|it| it.locked_until.saturating_duration_since(Instant::now()));
        Ok(match lock {
            None => Decision::Reserved { is_first: true },
            Some(Duration::ZERO) => Decision::Reserved { is_first: false },
            Some(remaining) => Decision::Locked(remaining),
        })
    }

    async fn commit_failure(
        &self,
        subject: &ThrottleKey,
        rule: &Rule,
    ) -> Result<i64, ThrottleStoreError> {
        let now = Instant::now();
        let forget_at = now + rule.window;
        let first = Count { failures: 0, locked_until: now, forget_at };
        let mut counts = self.counts().await;
        let count = counts.entry(subject.clone()).or_insert(first);
        count.failures += 1;
        if rule.is_sliding {
            count.forget_at = forget_at;
        }
        count.locked_until = count.forget_at.min(now + rule.lock(count.failures));
        Ok(count.failures)
    }

    async fn release(&self, subject: &ThrottleKey, reset: bool) -> Result<(), ThrottleStoreError> {
        if reset {
            self.0.lock().await.remove(subject);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), ThrottleStoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;
    use crate::config::ThrottleConfig;

    #[tokio::test(start_paused = true)]
    async fn a_source_is_locked_until_a_minute_after_its_first_failure_and_then_forgotten() {
        let config = ThrottleConfig { source_limit: Some(2), ..Default::default() };
        let rule = Rule::source(&config).unwrap();
        let [one, other] = [1, 2].map(|it| ThrottleKey::source(Ipv4Addr::from(it).into()));
        let (store, third) = (MemoryStore::default(), Duration::from_secs(20));
        for failures in [1, 2] {
            assert_eq!(store.commit_failure(&one, &rule).await.unwrap(), failures);
            advance(third).await;
        }
        assert_eq!(store.reserve(&one, &rule).await.unwrap(), Decision::Locked(third));
        advance(third).await;
        store.reserve(&other, &rule).await.unwrap();
        assert!(store.0.lock().await.is_empty());
    }
}
