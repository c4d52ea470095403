//! What was made of a secret: a stale-while-revalidate cache with single-flight refresh.
//!
//! Nothing runs by itself here, since Lambda freezes a process between two requests: each
//! request brings the time, and a refresh begins where one is due. All times are those of the
//! wall clock; the monotonic one may stand still while a process is frozen.

#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::{self, AbortHandle},
    time::{Instant, timeout_at},
};

use super::{Beside, SecretError, Secrets, Versions};
use crate::{
    config::{SecretKind, SecretPlace, SecretSource},
    telemetry::metrics,
};

/// How long to leave a source alone that did not answer, and the cool-down of demands: a token
/// with an unknown key, a refused password.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// The same while nothing can be answered at all, as `Retry-After` tells clients.
const COOL_DOWN_WITHOUT_VALUE: Duration = Duration::from_secs(2);
/// How long requests wait for a refresh, from its beginning: less than a gateway waits for
/// the request. Who comes later goes on at once.
const WAIT_LIMIT: Duration = Duration::from_secs(2);
/// A refresh ends by itself within 8 s, unless it was frozen on the way and what it waits for
/// will never come.
const OVERDUE: Duration = Duration::from_secs(10);

/// What was made of a secret. Clones share it.
pub struct SecretCache<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// `None` for what never changes.
    origin: Option<Origin<T>>,
    state: Mutex<State<T>>,
}

type Read<T> = Box<dyn Fn(&Versions) -> Result<T, String> + Send + Sync>;

/// What is fetched, and made into a value.
pub(super) struct Origin<T> {
    pub(super) kind: SecretKind,
    pub(super) source: SecretSource,
    pub(super) beside: Beside,
    pub(super) read: Read<T>,
    pub(super) secrets: Secrets,
}

impl<T> Origin<T> {
    /// Whether a start makes one call, for the current version, and the previous one is added
    /// after it.
    fn starts_without_previous(&self) -> bool {
        let may_have_it = matches!(self.source.place, SecretPlace::SecretsManager(_));
        may_have_it && self.beside == Beside::Previous
    }

    fn make(&self, versions: &Versions) -> Result<T, SecretError> {
        (self.read)(versions).map_err(|reason| self.source.error(reason))
    }
}

struct State<T> {
    value: Option<Arc<T>>,
    /// Whether the value is that of the start, and still lacks the previous version.
    lacks_previous: bool,
    /// Of the texts that the value was made of.
    fingerprint: [Vec<u8>; 3],
    /// When the refresh began that last confirmed or changed the value.
    confirmed: SystemTime,
    /// When the last refresh began, if it failed, and why.
    failed: Option<(SystemTime, SecretError)>,
    /// When the last refresh began that was demanded.
    demanded: Option<SystemTime>,
    refresh: Option<Refresh>,
}

/// A refresh under way.
#[derive(Clone)]
struct Refresh {
    began: SystemTime,
    wait_until: Instant,
    task: AbortHandle,
    /// Closed when the task ends, one way or another; nothing is ever sent.
    done: watch::Receiver<()>,
}

/// What a request has to do before it goes on.
#[derive(PartialEq, Eq)]
enum Need {
    Nothing,
    Refresh,
    RefreshAndWait,
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    /// What is held now, and nothing is fetched for it.
    pub(crate) fn peek(&self) -> Option<Arc<T>> {
        self.0.state().value.clone()
    }

    /// A cache with the value, unless its fetch is deferred or its source out of reach.
    pub(super) async fn fill(origin: Origin<T>) -> Result<Self, SecretError> {
        if matches!(origin.source.place, SecretPlace::Value(_)) {
            let versions = origin.secrets.fetch_versions(&origin.source, &[]).await?;
            return Ok(Arc::new(origin.make(&versions)?).into());
        }
        let deferred = origin.secrets.deferred;
        let cache = Self::new(Some(origin), None);
        if !deferred {
            match cache.0.refresh(SystemTime::now(), None).await {
                Err(error) if !error.transient => return Err(error),
                Err(error) => cache.0.report(&error),
                Ok(_) => {}
            }
        }
        Ok(cache)
    }

    fn new(origin: Option<Origin<T>>, value: Option<Arc<T>>) -> Self {
        let state = State {
            value,
            lacks_previous: false,
            fingerprint: [const { Vec::new() }; 3],
            confirmed: SystemTime::now(),
            failed: None,
            demanded: None,
            refresh: None,
        };
        Self(Arc::new(Inner { origin, state: Mutex::new(state) }))
    }

    /// The value for a request at `now`. A stale one serves while it is refreshed. One waits, for
    /// 2 s at most, only where there is none, or where no refresh was tried for so long that it
    /// cannot be trusted, as after a freeze.
    ///
    /// # Errors
    ///
    /// The [`SecretError`] for which there is none.
    pub async fn get(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        let awaited = {
            let mut state = self.0.state();
            match self.0.need(&state, now) {
                Need::Nothing => None,
                Need::Refresh => {
                    self.join_or_begin(&mut state, now, OVERDUE);
                    None
                }
                Need::RefreshAndWait if state.value.is_some() => {
                    Some(self.join_or_begin(&mut state, now, WAIT_LIMIT))
                }
                // A fetch may take longer than requests wait, and would never end if each of them
                // began it anew. All wait: while Lambda freezes the process, none makes progress.
                Need::RefreshAndWait => {
                    let refresh = self.join_or_begin(&mut state, now, OVERDUE);
                    Some(Refresh { wait_until: Instant::now() + WAIT_LIMIT, ..refresh })
                }
            }
        };
        if let Some(refresh) = awaited {
            self.0.wait_for(refresh).await;
        }
        self.0.value()
    }

    /// The value once the previous version is in it, for what must not be decided without it. One
    /// waits for it, for 2 s at most.
    ///
    /// # Errors
    ///
    /// The [`SecretError`] for which there is none, which passes.
    pub async fn get_with_previous(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        let value = self.get(now).await?;
        let refresh = {
            let mut state = self.0.state();
            if !state.lacks_previous {
                return Ok(value);
            }
            let is_due = self.0.need(&state, now) != Need::Nothing;
            is_due.then(|| self.join_or_begin(&mut state, now, WAIT_LIMIT))
        };
        if let Some(refresh) = refresh {
            self.0.wait_for(refresh).await;
        }
        if self.0.state().lacks_previous { Err(self.0.missing()) } else { self.0.value() }
    }

    /// A value newer than `seen`, which did not do: one refresh for all who demand it at once,
    /// and after it none for 10 s. `None` if nothing newer comes within 2 s.
    pub(crate) async fn newer_than(&self, seen: &Arc<T>, now: SystemTime) -> Option<Arc<T>> {
        // Twice, since a refresh that is under way may have begun before the secret changed.
        for _ in 0..2 {
            let refresh = {
                let mut state = self.0.state();
                if let Some(newer) = state.newer_than(seen) {
                    return Some(newer);
                }
                self.0.origin.as_ref()?;
                let cools = state.demanded.is_some_and(|at| age(at, now) < COOL_DOWN);
                match state.running(now, WAIT_LIMIT) {
                    Some(refresh) => refresh,
                    None if cools => return None,
                    None => {
                        state.demanded = Some(now);
                        self.begin(&mut state, now)
                    }
                }
            };
            self.0.wait_for(refresh).await;
        }
        self.0.state().newer_than(seen)
    }

    /// Whether there is a value, whose previous version, where it lacks it, did not fail to come.
    /// What is missing is fetched without a wait.
    pub(crate) fn is_filled(&self, now: SystemTime) -> bool {
        let mut state = self.0.state();
        if (state.value.is_none() || state.lacks_previous)
            && self.0.need(&state, now) != Need::Nothing
        {
            self.join_or_begin(&mut state, now, OVERDUE);
        }
        state.value.is_some() && !(state.lacks_previous && state.failed.is_some())
    }

    /// The refresh under way, if it began at most this long ago; else a new one in its place,
    /// since it may have been frozen.
    fn join_or_begin(&self, state: &mut State<T>, now: SystemTime, at_most: Duration) -> Refresh {
        state.running(now, at_most).unwrap_or_else(|| self.begin(state, now))
    }

    /// On a task of its own, since the request that begins it may be given up.
    fn begin(&self, state: &mut State<T>, now: SystemTime) -> Refresh {
        if let Some(before) = state.refresh.take() {
            before.task.abort();
        }
        let inner = Arc::clone(&self.0);
        let (end, done) = watch::channel(());
        let task = tokio::spawn(async move {
            match inner.refresh(now, Some(task::id())).await {
                Ok(Some(secret)) => tracing::info!(secret, "a secret was renewed"),
                Ok(None) => {}
                Err(error) => inner.report(&error),
            }
            drop(end);
        });
        let wait_until = Instant::now() + WAIT_LIMIT;
        let refresh = Refresh { began: now, wait_until, task: task.abort_handle(), done };
        state.refresh.insert(refresh).clone()
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stale value that no request has looked after for a while longer is waited for, unless its
    /// source was just found to be out of reach: the process was frozen, or idle.
    fn need(&self, state: &State<T>, now: SystemTime) -> Need {
        let Some(origin) = &self.origin else { return Need::Nothing };
        let refresh = origin.secrets.config.max_age;
        let failed = |limit| state.failed.as_ref().is_some_and(|(at, _)| age(*at, now) < limit);
        if state.value.is_none() {
            let cools = failed(COOL_DOWN_WITHOUT_VALUE) && state.running(now, OVERDUE).is_none();
            return if cools { Need::Nothing } else { Need::RefreshAndWait };
        }
        let age = age(state.confirmed, now);
        if (age <= refresh && !state.lacks_previous) || failed(COOL_DOWN) {
            Need::Nothing
        } else if age <= refresh + COOL_DOWN || failed(refresh + COOL_DOWN) {
            Need::Refresh
        } else {
            Need::RefreshAndWait
        }
    }

    fn value(&self) -> Result<Arc<T>, SecretError> {
        let value = self.state().value.clone();
        value.ok_or_else(|| self.missing())
    }

    /// Why there is no value, or none with the previous version.
    fn missing(&self) -> SecretError {
        let failed = self.state().failed.as_ref().map(|(_, error)| error.clone());
        failed.unwrap_or_else(|| {
            let source = self.origin.as_ref().map(|origin| origin.source.describe());
            let (source_name, reason) = (source.unwrap_or_default(), "is still being fetched");
            SecretError { source_name, reason: reason.into(), transient: true }
        })
    }

    /// Waits for a refresh. One that takes too long counts as failed, so that others do not wait
    /// for it as well, though it may still succeed.
    async fn wait_for(&self, mut refresh: Refresh) {
        let ended = timeout_at(refresh.wait_until, refresh.done.changed()).await.is_ok();
        let Some(origin) = self.origin.as_ref().filter(|_| !ended) else { return };
        let error = origin.source.out_of_reach("did not come within 2 s");
        let mut state = self.state();
        let running = state.refresh.as_ref().is_some_and(|it| it.task.id() == refresh.task.id());
        let known = state.failed.as_ref().is_some_and(|(began, _)| *began == refresh.began);
        if running && !known {
            state.failed = Some((refresh.began, error.clone()));
            drop(state);
            self.warn(&error);
        }
    }

    fn report(&self, error: &SecretError) {
        if let Some(origin) = &self.origin {
            metrics::secret_not_fetched(origin.kind);
        }
        self.warn(error);
    }

    fn warn(&self, error: &SecretError) {
        if self.state().value.is_some() {
            tracing::warn!(%error, "a secret was not renewed; the one in memory serves on");
        } else {
            tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
        }
    }

    /// Fetches the secret and takes over what is made of it, unless a refresh on another task has
    /// begun since. What is held stays if that fails. Gives the name of a secret that has changed.
    async fn refresh(
        &self,
        began: SystemTime,
        task: Option<task::Id>,
    ) -> Result<Option<String>, SecretError> {
        let Some(origin) = &self.origin else { return Ok(None) };
        let without_previous = task.is_none() && origin.starts_without_previous();
        let stages = origin.beside.stages(without_previous, self.state().demanded.is_some());
        let fetched = origin.secrets.fetch_versions(&origin.source, stages).await;
        let known = self.state().fingerprint.clone();
        // Made without the lock, since the numbers of a key take their time.
        let made = fetched.and_then(|versions| {
            let fingerprint = versions.fingerprint();
            if fingerprint == known {
                return Ok(None);
            }
            Ok(Some((fingerprint, Arc::new(origin.make(&versions)?))))
        });
        let mut state = self.state();
        if state.refresh.as_ref().map(|refresh| refresh.task.id()) != task {
            return Ok(None);
        }
        state.refresh = None;
        match made {
            Ok(changed) => {
                let was_without_previous =
                    mem::replace(&mut state.lacks_previous, without_previous);
                (state.confirmed, state.failed) = (began, None);
                origin.secrets.confirm(origin.kind, began);
                let Some((fingerprint, value)) = changed else { return Ok(None) };
                let is_only_completed = was_without_previous && fingerprint[0] == known[0];
                (state.fingerprint, state.value) = (fingerprint, Some(value));
                Ok((!is_only_completed).then(|| origin.source.describe()))
            }
            Err(error) => {
                state.failed = Some((began, error.clone()));
                Err(error)
            }
        }
    }
}

impl<T> State<T> {
    /// The refresh under way, if it has not panicked and began at most this long ago by the wall
    /// clock: the other one may have stood still meanwhile.
    fn running(&self, now: SystemTime, at_most: Duration) -> Option<Refresh> {
        let refresh = self.refresh.as_ref()?;
        let alive = !refresh.task.is_finished() && age(refresh.began, now) <= at_most;
        alive.then(|| refresh.clone())
    }

    fn newer_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        self.value.clone().filter(|value| !Arc::ptr_eq(value, seen))
    }
}

/// How long ago that was. A request that brings an older time than another one before it
/// was just slower. But a clock that was set back says nothing, so that it counts as for
/// ever.
pub(super) fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_else(|ahead| {
        if ahead.duration() <= COOL_DOWN { Duration::ZERO } else { Duration::MAX }
    })
}

impl<T> Clone for SecretCache<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A cache of what never changes.
impl<T: Send + Sync + 'static> From<Arc<T>> for SecretCache<T> {
    fn from(value: Arc<T>) -> Self {
        Self::new(None, Some(value))
    }
}
