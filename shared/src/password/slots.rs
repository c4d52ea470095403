//! A bounded number of hash computations at once, and of those that are to come to one.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use argon2::Block;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::metrics;

/// How many may wait for each computation that runs, where nothing else is said: at 20 ms
/// a hash, the last one waits some 160 ms.
pub(super) const WAITING_PER_SLOT: usize = 8;

/// As many computations wait as may; try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many password checks are waiting")]
pub struct Busy;

/// A place among the computations and those that wait for one: held by the computation and
/// by all that has to be done before and after it, until the last of them has ended.
#[derive(Debug, Clone)]
pub(super) struct Place(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

/// What stored hashes that need more than a slot's memory share, in KiB: as much as the
/// largest of them may take.
const LARGE_KIB: usize = 128 * 1024;

/// The slots. Each has memory of its own, allocated at first use and kept: fresh
/// memory would cost as many page faults as the hash has pages, each time.
///
/// Memory stays within slots × `blocks` KiB and [`LARGE_KIB`], whatever hashes are stored.
pub(super) struct HashSlots {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_admitted: Arc<Semaphore>,
    idle: Mutex<Vec<Vec<Block>>>,
    blocks: usize,
}

impl HashSlots {
    /// `slots` computations at once, with `blocks` KiB of memory kept for each, and
    /// `queue` of them waiting.
    pub(super) fn new(slots: usize, queue: usize, blocks: usize) -> Self {
        let slots = slots.max(1);
        Self {
            admitted: Arc::new(Semaphore::new(slots + queue)),
            running: Arc::new(Semaphore::new(slots)),
            large: Arc::new(Semaphore::new(LARGE_KIB)),
            large_admitted: Arc::new(Semaphore::new((slots + queue).div_ceil(2))),
            idle: Mutex::new(Vec::new()),
            blocks,
        }
    }

    /// KiB of memory that each computation is given.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// A place, if one is free.
    pub(super) fn admit(&self) -> Result<Place, Busy> {
        let place = self.admitted.clone().try_acquire_owned().map_err(|_| Busy)?;
        Ok(Place(Arc::new(place)))
    }

    /// Runs `job`, which takes so many KiB beside the memory it is given, on a thread where
    /// it may block; `None` if it panicked.
    ///
    /// Place and slot belong to the computation, not to the caller that waits for it: a client
    /// that hangs up frees nothing early.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        place: Place,
        beside_kib: usize,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<Option<T>, Busy> {
        let queued = Instant::now();
        // They are few at once, and slow: half of the places stay for all others.
        let large_admitted = match beside_kib {
            0 => None,
            _ => Some(self.large_admitted.clone().try_acquire_owned().map_err(|_| Busy)?),
        };
        // Before a slot: one that waits for memory keeps no slot from the others.
        let beside = u32::try_from(beside_kib.min(LARGE_KIB)).unwrap_or(u32::MAX);
        let large = self.large.clone().acquire_many_owned(beside).await.map_err(|_| Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        metrics::hash_queued(queued.elapsed());
        let slots = Arc::clone(self);
        let computation = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let _slot = (place, large_admitted, large, running);
            let mut memory = slots.take_memory();
            let result = job(&mut memory);
            slots.keep_memory(memory);
            metrics::hash_computed(begun.elapsed());
            result
        });
        Ok(computation.await.ok())
    }

    /// Takes the memory of one computation now, on a thread where that may take its time,
    /// unless one runs already.
    pub(super) fn prepare(self: &Arc<Self>) {
        let Ok(running) = self.running.clone().try_acquire_owned() else { return };
        let slots = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let _slot = running;
            let mut memory = slots.take_memory();
            if grow(&mut memory, slots.blocks).is_some() {
                slots.keep_memory(memory);
            }
        });
    }

    fn take_memory(&self) -> Vec<Block> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_default()
    }

    fn keep_memory(&self, memory: Vec<Block>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
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

impl fmt::Debug for HashSlots {
    /// Without the memory: what a hash left there is nobody's business.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HashSlots").field("running", &self.running).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    async fn run<T: Send + 'static>(
        slots: &Arc<HashSlots>,
        beside_kib: usize,
        job: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<Option<T>, Busy> {
        slots.run(slots.admit()?, beside_kib, job).await
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once() {
        let slots = Arc::new(HashSlots::new(1, 3, 1));
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let admitted: Vec<_> = (0..=3)
            .map(|_| {
                let (slots, gate) = (Arc::clone(&slots), Arc::clone(&gate));
                tokio::spawn(
                    async move { run(&slots, 0, move |_| gate.lock().unwrap().recv()).await },
                )
            })
            .collect();
        while slots.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(run(&slots, 0, |_| ()).await, Err(Busy));
        for _ in &admitted {
            release.send(()).unwrap();
        }
        for run in admitted {
            assert!(run.await.unwrap().unwrap().is_some());
        }
        assert_eq!(run(&slots, 0, |_| 1).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn hashes_that_need_more_than_the_shared_memory_wait_and_block_no_others() {
        let slots = Arc::new(HashSlots::new(3, 8, 1));
        let (release, gate) = mpsc::channel::<()>();
        let large = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { run(&slots, LARGE_KIB / 2 + 1, move |_| gate.recv()).await }
        });
        while slots.large.available_permits() == LARGE_KIB {
            tokio::task::yield_now().await;
        }
        let mut second = Box::pin(run(&slots, LARGE_KIB / 2, |_| "second"));
        tokio::select! {
            biased;
            _ = &mut second => panic!("both ran at once"),
            small = run(&slots, 0, |_| "small") => assert_eq!(small, Ok(Some("small"))),
        }
        release.send(()).unwrap();
        assert_eq!(second.await, Ok(Some("second")));
        large.await.unwrap().unwrap();
        assert_eq!(run(&slots, usize::MAX, |_| 1).await, Ok(Some(1)), "more than all of it");
    }

    #[tokio::test]
    async fn those_that_need_much_memory_leave_half_of_the_places_to_others() {
        let slots = Arc::new(HashSlots::new(2, 4, 1));
        let (release, gate) = mpsc::channel::<()>();
        let mut large = vec![tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { run(&slots, LARGE_KIB, move |_| gate.recv().is_ok()).await }
        })];
        large.extend((0..2).map(|_| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { run(&slots, LARGE_KIB, |_| true).await })
        }));
        while slots.large_admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(run(&slots, LARGE_KIB, |_| ()).await, Err(Busy));
        assert_eq!(run(&slots, 0, |_| 1).await, Ok(Some(1)));
        release.send(()).unwrap();
        for run in large {
            assert_eq!(run.await.unwrap(), Ok(Some(true)));
        }
    }

    #[tokio::test]
    async fn what_was_prepared_is_the_memory_of_the_first_computation() {
        let slots = Arc::new(HashSlots::new(1, 8, 3));
        slots.prepare();
        let blocks = run(&slots, 0, |memory| memory.len()).await;
        assert_eq!(blocks, Ok(Some(3)));
        assert_eq!(slots.idle.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_place_is_kept_by_all_that_was_admitted_with_it() {
        let slots = Arc::new(HashSlots::new(1, 0, 1));
        let place = slots.admit().unwrap();
        assert_eq!(slots.run(place.clone(), 0, |_| 1).await, Ok(Some(1)));
        assert_eq!(slots.admit().map(drop), Err(Busy), "there is work after the computation");
        drop(place);
        assert_eq!(slots.admit().map(drop), Ok(()));
    }

    #[tokio::test]
    async fn a_job_does_not_run_on_an_async_worker() {
        // This runtime has one worker: the thread of this test.
        let slots = Arc::new(HashSlots::new(1, 8, 1));
        let job = run(&slots, 0, |_| std::thread::current().id()).await;
        assert_ne!(job, Ok(Some(std::thread::current().id())));
    }

    #[tokio::test]
    async fn a_panic_frees_its_slot() {
        let slots = Arc::new(HashSlots::new(1, 8, 1));
        assert_eq!(run(&slots, 0, |_| panic!("on purpose")).await, Ok(None::<()>));
        assert_eq!(run(&slots, 0, |_| 1).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn whoever_hangs_up_does_not_free_the_slot_early() {
        let slots = Arc::new(HashSlots::new(1, 8, 1));
        let (release, gate) = mpsc::channel::<()>();
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { run(&slots, 0, move |_| gate.recv()).await }
        });
        while slots.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(slots.running.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(run(&slots, 0, |_| 1).await, Ok(Some(1)));
    }
}
