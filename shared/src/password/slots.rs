//! Limits how many hashes are computed at once, and how many wait.

use std::{sync::Arc, time::Instant};

use argon2::Block;
use deadpool::unmanaged::Pool;
use metrics::histogram;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::HashingError;
use crate::telemetry::metrics::{HASH_DURATION, HASH_QUEUE};

/// Shared by the stored hashes that need more memory than a slot has, in KiB: the maximum of one.
const LARGE_KIB: usize = 128 * 1024;

/// One of the permits for logins, of which there are as many as slots and places in the queue. A
/// login holds it from its start to its end, also while it computes no hash. It is free again when
/// the last clone is dropped.
#[derive(Clone)]
#[must_use]
pub struct HashPermit(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

/// The slots. Each keeps its memory, since new memory costs a page fault per page. Together they use
/// at most the memory of `slots` new hashes and [`LARGE_KIB`], whatever hashes are stored.
pub(super) struct HashSlots {
    permits: Arc<Semaphore>,
    /// One for each slot; the one that was used last is used first.
    memory: Pool<Vec<Block>>,
    large_kib: Arc<Semaphore>,
    large_permits: Arc<Semaphore>,
}

impl HashSlots {
    /// `slots` computations at once, and `queue` that wait.
    pub(super) fn new(slots: usize, queue: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(slots + queue)),
            memory: Pool::from(vec![Vec::new(); slots]),
            large_kib: Arc::new(Semaphore::new(LARGE_KIB)),
            large_permits: Arc::new(Semaphore::new((slots + queue).div_ceil(2))),
        }
    }

    /// A permit for [`run`](Self::run) and the work before and after it.
    pub(super) fn try_acquire(&self) -> Result<HashPermit, HashingError> {
        let permit = self.permits.clone().try_acquire_owned();
        permit.map(|it| HashPermit(Arc::new(it))).map_err(|_| HashingError::Busy)
    }

    /// Runs `job`, which allocates `extra_kib` in addition to the slot's memory, on a blocking thread.
    /// It owns permit and slot: a client that disconnects frees neither early.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        permit: HashPermit,
        extra_kib: usize,
        job: impl FnOnce(&mut Vec<Block>) -> Option<T> + Send + 'static,
    ) -> Result<T, HashingError> {
        let queued = Instant::now();
        // Large hashes are slow: half of the permits are kept for all others.
        let large = u32::from(extra_kib > 0);
        let large_permit = self.large_permits.clone().try_acquire_many_owned(large);
        let large_permit = large_permit.map_err(|_| HashingError::Busy)?;
        // Before the slot, which would be blocked during the wait.
        let kib = u32::try_from(extra_kib.min(LARGE_KIB)).unwrap_or(u32::MAX);
        let kib = self.large_kib.clone().acquire_many_owned(kib).await;
        let kib = kib.map_err(|_| HashingError::Busy)?;
        let mut memory = self.memory.get().await.map_err(|_| HashingError::Busy)?;
        histogram!(HASH_QUEUE).record(queued.elapsed());
        let computation = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let _held = (permit, large_permit, kib);
            let result = job(&mut memory);
            histogram!(HASH_DURATION).record(begun.elapsed());
            result
        });
        computation.await.ok().flatten().ok_or(HashingError::Failed)
    }

    /// Allocates the memory of a free slot in the background.
    pub(super) fn preallocate(&self, blocks: usize) {
        let Ok(mut memory) = self.memory.try_get() else { return };
        tokio::task::spawn_blocking(move || grow(&mut memory, blocks));
    }
}

/// Enlarges `memory` to so many KiB; `None` if there is none.
pub(super) fn grow(memory: &mut Vec<Block>, blocks: usize) -> Option<()> {
    if memory.len() < blocks {
        memory.try_reserve_exact(blocks - memory.len()).ok()?;
        memory.resize(blocks, Block::default());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::{sync::oneshot, task::JoinHandle};

    use super::*;

    fn spawn(
        slots: &Arc<HashSlots>,
        extra_kib: usize,
        job: impl FnOnce() -> Option<()> + Send + 'static,
    ) -> JoinHandle<Result<(), HashingError>> {
        let slots = Arc::clone(slots);
        tokio::spawn(async move { slots.run(slots.try_acquire()?, extra_kib, |_| job()).await })
    }

    #[tokio::test]
    async fn beyond_the_queue_all_are_refused_until_a_permit_is_dropped() {
        let slots = HashSlots::new(1, 3);
        let permits = [(); 4].map(|()| slots.try_acquire().unwrap());
        assert_eq!(slots.run(permits[0].clone(), 0, |_| Some(1)).await, Ok(1));
        assert_eq!(slots.try_acquire().map(drop), Err(HashingError::Busy), "also after the hash");
        drop(permits);
        assert!(slots.try_acquire().is_ok());
    }

    #[tokio::test]
    async fn large_hashes_share_memory_until_they_end_and_leave_half_of_the_permits_to_others() {
        let slots = Arc::new(HashSlots::new(2, 4));
        let (start, started) = oneshot::channel();
        let (release, gate) = mpsc::channel();
        let client = spawn(&slots, LARGE_KIB / 2 + 1, move || {
            start.send(()).unwrap();
            gate.recv().ok()
        });
        started.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        assert_eq!(slots.memory.status().available, 1, "a disconnect frees no slot early");
        let waiting = [LARGE_KIB / 2, usize::MAX].map(|kib| spawn(&slots, kib, || Some(())));
        while slots.large_permits.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let run = |extra_kib| slots.run(slots.try_acquire().unwrap(), extra_kib, |_| Some(()));
        assert_eq!(run(1).await, Err(HashingError::Busy));
        assert_eq!(run(0).await, Ok(()));
        assert!(waiting.iter().all(|run| !run.is_finished()), "two large ones ran at once");
        release.send(()).unwrap();
        for run in waiting {
            assert_eq!(run.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_job_gets_preallocated_memory_and_a_thread_and_its_panic_frees_the_slot() {
        let slots = HashSlots::new(1, 1);
        slots.preallocate(3);
        let job = |memory: &mut Vec<Block>| Some((memory.len(), std::thread::current().id()));
        let permit = slots.try_acquire().unwrap();
        let (blocks, thread) = slots.run(permit.clone(), 0, job).await.unwrap();
        assert!(blocks == 3 && thread != std::thread::current().id());
        let panicked = slots.run(permit.clone(), 0, |_| -> Option<()> { panic!("on purpose") });
        assert_eq!(panicked.await, Err(HashingError::Failed));
        assert_eq!(slots.run(permit, 0, |_| Some(1)).await, Ok(1));
    }
}
