//! What is in memory, since when, and what there is to do about it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::attempt::Attempt;
use crate::secrets::{SecretError, versions::Fingerprint};

/// How long to leave a source alone that did not answer, and how long those who may be
/// wrong have to leave it alone: a token with an unknown key, a refused password.
const PAUSE: Duration = Duration::from_secs(10);
/// The same while nothing can be answered at all, as `Retry-After` tells clients.
const PAUSE_WITHOUT_SECRET: Duration = Duration::from_secs(2);

pub(super) struct State<T> {
    pub(super) held: Option<Held<T>>,
    /// When the fetch began that last confirmed or changed what is held.
    pub(super) fetched: SystemTime,
    /// When the last fetch began, if it failed, and why.
    pub(super) failed: Option<(SystemTime, SecretError)>,
    /// When the last fetch began that somebody demanded.
    pub(super) demanded: Option<SystemTime>,
    pub(super) running: Option<Attempt>,
}

/// What is in memory, which may be less than the texts that it was made of.
pub(super) struct Held<T> {
    /// None of what never changes.
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) value: Arc<T>,
}

/// What a request has to do before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// Have the secret fetched, and go on with what is there.
    Fetch,
    /// Have the secret fetched, and wait for it.
    FetchAndWait,
}

impl<T> State<T> {
    /// Nothing yet, or what was fetched at this time.
    pub(super) fn new(held: Option<Held<T>>, fetched: SystemTime) -> Self {
        Self { held, fetched, failed: None, demanded: None, running: None }
    }

    /// What a request at `now` has to do. `refresh` is how old a secret may grow.
    ///
    /// A secret that is older serves on while it is fetched. Only one that nobody has
    /// looked after for a while longer is waited for, unless its source was just found to
    /// be out of reach: the process was frozen, or nobody called.
    pub(super) fn need(&self, refresh: Duration, now: SystemTime) -> Need {
        let failed = |limit| self.failed.as_ref().is_some_and(|(at, _)| age(*at, now) < limit);
        if self.held.is_none() {
            let pause = failed(PAUSE_WITHOUT_SECRET) && self.running(now).is_none();
            return if pause { Need::Nothing } else { Need::FetchAndWait };
        }
        let age = age(self.fetched, now);
        if age <= refresh || failed(PAUSE) {
            Need::Nothing
        } else if age <= refresh + PAUSE || failed(refresh + PAUSE) {
            Need::Fetch
        } else {
            Need::FetchAndWait
        }
    }

    /// Whether somebody has demanded a fetch so recently that nobody else may.
    pub(super) fn was_demanded(&self, now: SystemTime) -> bool {
        self.demanded.is_some_and(|at| age(at, now) < PAUSE)
    }

    /// The fetch that is under way.
    pub(super) fn running(&self, now: SystemTime) -> Option<Attempt> {
        self.running.clone().filter(|attempt| attempt.is_alive(now))
    }

    pub(super) fn newer_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let held = self.held.as_ref()?;
        (!Arc::ptr_eq(&held.value, seen)).then(|| Arc::clone(&held.value))
    }
}

/// How long ago that was. A request that brings an older time than another one before it
/// was just slower. But a clock that was set back says nothing, so that it counts as for
/// ever.
pub(super) fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_else(|ahead| {
        if ahead.duration() <= PAUSE { Duration::ZERO } else { Duration::MAX }
    })
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { fingerprint: self.fingerprint.clone(), value: Arc::clone(&self.value) }
    }
}
