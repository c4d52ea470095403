//! A bounded number of hash computations at once, and of those that wait for one.

use std::{sync::Arc, time::Instant};

use argon2::Block;
use deadpool::unmanaged::Pool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::HashingError;
use crate::telemetry::metrics;

/// What stored hashes that need more than a slot's memory share, in KiB: as much as one may take.
const LARGE_KIB: usize = 128 * 1024;

/// One of those that may be under way, until the last clone of it is dropped.
pub(super) type Permit = Arc<OwnedSemaphorePermit>;

/// The slots. Each keeps its memory: fresh memory costs a page fault for each page of a hash.
///
/// Memory stays within that of `slots` new hashes and [`LARGE_KIB`], whatever hashes are stored.
pub(super) struct HashSlots {
    admitted: Arc<Semaphore>,
    /// A slot is taken with its memory; the one that was used last comes first.
    memory: Pool<Vec<Block>>,
    large: Arc<Semaphore>,
    large_admitted: Arc<Semaphore>,
}

impl HashSlots {
    /// `slots` computations at once, and `queue` of them waiting.
    pub(super) fn new(slots: usize, queue: usize) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(slots + queue)),
            memory: Pool::from(vec![Vec::new(); slots]),
            large: Arc::new(Semaphore::new(LARGE_KIB)),
            large_admitted: Arc::new(Semaphore::new((slots + queue).div_ceil(2))),
        }
    }

    /// A permit for [`run`](Self::run), to be kept until all work around the computation is done.
    pub(super) fn admit(&self) -> Result<Permit, HashingError> {
        let permit = self.admitted.clone().try_acquire_owned();
        permit.map(Arc::new).map_err(|_| HashingError::Busy)
    }

    /// Runs `job`, which takes so many KiB beside the memory it is given, on a blocking thread.
    /// Permit and slot belong to the computation: a client that hangs up frees nothing early.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        permit: Permit,
        beside_kib: usize,
        job: impl FnOnce(&mut Vec<Block>) -> Option<T> + Send + 'static,
    ) -> Result<T, HashingError> {
        let queued = Instant::now();
        // They are few at once, and slow: half of the permits stay for all others.
        let few = u32::from(beside_kib > 0);
        let large_admitted = self.large_admitted.clone().try_acquire_many_owned(few);
        let large_admitted = large_admitted.map_err(|_| HashingError::Busy)?;
        // Before a slot: one that waits for memory keeps no slot from the others.
        let beside = u32::try_from(beside_kib.min(LARGE_KIB)).unwrap_or(u32::MAX);
        let large = self.large.clone().acquire_many_owned(beside).await;
        let large = large.map_err(|_| HashingError::Busy)?;
        let mut memory = self.memory.get().await.map_err(|_| HashingError::Busy)?;
        metrics::measured(metrics::HASH_QUEUE, queued.elapsed());
        let computation = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let _held = (permit, large_admitted, large);
            let result = job(&mut memory);
            metrics::measured(metrics::HASH_DURATION, begun.elapsed());
            result
        });
        computation.await.ok().flatten().ok_or(HashingError::Failed)
    }

    /// Takes the memory of one computation now, in the background, unless all run already.
    pub(super) fn prepare(&self, blocks: usize) {
        let Ok(mut memory) = self.memory.try_get() else { return };
        tokio::task::spawn_blocking(move || grow(&mut memory, blocks));
    }
}

/// Makes `memory` large enough for so many KiB; `None` if the system has no more.
pub(super) fn grow(memory: &mut Vec<Block>, blocks: usize) -> Option<()> {
    if memory.len() < blocks {
        memory.try_reserve_exact(blocks - memory.len()).ok()?;
        memory.resize(blocks, Block::default());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Sender};

    use tokio::task::JoinHandle;

    use super::*;

    async fn run<T: Send + 'static>(
        slots: &HashSlots,
        beside_kib: usize,
        job: impl FnOnce(&mut Vec<Block>) -> Option<T> + Send + 'static,
    ) -> Result<T, HashingError> {
        slots.run(slots.admit()?, beside_kib, job).await
    }

    type Blocked = (Sender<()>, JoinHandle<Result<(), HashingError>>);

    /// A computation that has begun, and lasts until it is sent something.
    async fn blocked(slots: &Arc<HashSlots>, beside_kib: usize) -> Blocked {
        let (release, gate) = mpsc::channel();
        let (start, started) = tokio::sync::oneshot::channel();
        let slots = Arc::clone(slots);
        let job = tokio::spawn(async move {
            run(&slots, beside_kib, move |_| {
                start.send(()).unwrap();
                gate.recv().ok()
            })
            .await
        });
        started.await.unwrap();
        (release, job)
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_until_all_that_was_admitted_has_ended() {
        let slots = HashSlots::new(1, 3);
        let permits = [(); 4].map(|()| slots.admit().unwrap());
        assert_eq!(slots.run(permits[0].clone(), 0, |_| Some(1)).await, Ok(1));
        assert_eq!(slots.admit().map(drop), Err(HashingError::Busy), "work behind the computation");
        drop(permits);
        assert_eq!(run(&slots, 0, |_| Some(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn hashes_that_need_more_than_the_shared_memory_wait_and_block_no_others() {
        let slots = Arc::new(HashSlots::new(3, 8));
        let (release, first) = blocked(&slots, LARGE_KIB / 2 + 1).await;
        let mut second = Box::pin(run(&slots, LARGE_KIB / 2, |_| Some("second")));
        tokio::select! {
            biased;
            _ = &mut second => panic!("both ran at once"),
            small = run(&slots, 0, |_| Some("small")) => assert_eq!(small, Ok("small")),
        }
        release.send(()).unwrap();
        assert_eq!((second.await, first.await.unwrap()), (Ok("second"), Ok(())));
        assert_eq!(run(&slots, usize::MAX, |_| Some(1)).await, Ok(1), "more than all of it");
    }

    #[tokio::test]
    async fn those_that_need_much_memory_leave_half_of_the_permits_to_others() {
        let slots = Arc::new(HashSlots::new(2, 4));
        let (release, first) = blocked(&slots, LARGE_KIB).await;
        let waiting = [(); 2].map(|()| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { run(&slots, LARGE_KIB, |_| Some(())).await })
        });
        while slots.large_admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(run(&slots, LARGE_KIB, |_| Some(1)).await, Err(HashingError::Busy));
        assert_eq!(run(&slots, 0, |_| Some(1)).await, Ok(1));
        release.send(()).unwrap();
        for run in waiting.into_iter().chain([first]) {
            assert_eq!(run.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_job_has_prepared_memory_and_a_thread_and_its_panic_frees_the_slot() {
        let slots = HashSlots::new(1, 1);
        slots.prepare(3);
        let job = |memory: &mut Vec<Block>| Some((memory.len(), std::thread::current().id()));
        let (blocks, thread) = run(&slots, 0, job).await.unwrap();
        assert!(blocks == 3 && thread != std::thread::current().id());
        let panicked = run(&slots, 0, |_| -> Option<()> { panic!("on purpose") }).await;
        assert_eq!(panicked, Err(HashingError::Failed));
        assert_eq!(run(&slots, 0, |_| Some(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_does_not_free_the_slot_early() {
        let slots = Arc::new(HashSlots::new(1, 1));
        let (release, client) = blocked(&slots, 0).await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        assert!(slots.memory.try_get().is_err());
        release.send(()).unwrap();
        assert_eq!(run(&slots, 0, |_| Some(1)).await, Ok(1));
    }
}
