//! A stale-while-revalidate cache of what a secret holds, with single-flight refresh.
//!
//! There is no timer, since Lambda freezes a process between two requests: each request brings the
//! time, and starts a refresh if one is due. All times are those of the wall clock, since the
//! monotonic one may stand still while a process is frozen.

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

use super::{ExtraVersions, RETRY_AFTER, SecretError, Secrets, Versions};
use crate::{
    config::{SecretKind, SecretPlace, SecretSource},
    telemetry::metrics,
};

/// The cool-down after a failed refresh.
const FAILURE_COOL_DOWN: Duration = Duration::from_secs(10);
/// The cool-down after a forced refresh.
const FORCED_COOL_DOWN: Duration = Duration::from_secs(10);
/// How long a stale value is used while it is refreshed in the background.
const STALE_LIMIT: Duration = Duration::from_secs(10);
/// By how much the time of one request may be behind that of another.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(10);
/// How long requests wait for a refresh, from its start: less than a gateway waits for them.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
/// A fetch ends within 8 s: a refresh that has not ended after this time was frozen with its process.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// A cached secret, parsed. Clones share it.
pub struct SecretCache<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// `None` for a value that never changes.
    origin: Option<Origin<T>>,
    state: Mutex<State<T>>,
}

type Parse<T> = Box<dyn Fn(&Versions) -> Result<T, String> + Send + Sync>;

/// How to fetch a secret and parse it.
pub(super) struct Origin<T> {
    pub(super) kind: SecretKind,
    pub(super) source: SecretSource,
    pub(super) extra: ExtraVersions,
    pub(super) parse: Parse<T>,
    pub(super) secrets: Secrets,
}

impl<T> Origin<T> {
    fn parse(&self, versions: &Versions) -> Result<T, SecretError> {
        (self.parse)(versions).map_err(|reason| self.source.error(reason))
    }
}

struct State<T> {
    value: Option<Arc<T>>,
    /// Whether the value is that of the start, which fetches the current version alone, and the
    /// previous version is still to be fetched.
    is_partial: bool,
    /// Of the versions that the value was parsed from.
    fingerprint: [Vec<u8>; 3],
    /// When the last successful refresh started.
    fetched_at: SystemTime,
    /// When the last refresh started, if it failed, and why.
    failed: Option<(SystemTime, SecretError)>,
    /// When the last forced refresh started.
    forced_at: Option<SystemTime>,
    refresh: Option<Refresh>,
}

/// A refresh under way.
#[derive(Clone)]
struct Refresh {
    started_at: SystemTime,
    wait_until: Instant,
    task: AbortHandle,
    /// Closed when the task ends, even by a panic; nothing is ever sent.
    done: watch::Receiver<()>,
}

/// The refresh that a request has to start or join.
#[derive(PartialEq, Eq)]
enum DueRefresh {
    None,
    Background,
    /// The request waits for it.
    Blocking,
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    /// The cached value, whatever its age. Starts no refresh.
    pub(crate) fn peek(&self) -> Option<Arc<T>> {
        self.0.state().value.clone()
    }

    /// A cache with the value, or without one if its fetch is deferred or failed for now.
    pub(super) async fn load(origin: Origin<T>) -> Result<Self, SecretError> {
        if matches!(origin.source.place, SecretPlace::Value(_)) {
            let versions = origin.secrets.fetch_versions(&origin.source, origin.extra).await?;
            return Ok(Arc::new(origin.parse(&versions)?).into());
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
            is_partial: false,
            fingerprint: [const { Vec::new() }; 3],
            fetched_at: SystemTime::now(),
            failed: None,
            forced_at: None,
            refresh: None,
        };
        Self(Arc::new(Inner { origin, state: Mutex::new(state) }))
    }

    /// The value for a request at `now`. A stale value is returned at once, and refreshed in the
    /// background. The request waits for the refresh, for 2 s at most, only if there is no value,
    /// or if the value has been stale for more than 10 s and no refresh has failed meanwhile.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there is no value: why the last refresh failed.
    pub async fn get(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        let awaited = {
            let mut state = self.0.state();
            match self.0.due_refresh(&state, now) {
                DueRefresh::None => None,
                DueRefresh::Background => {
                    self.join_or_start(&mut state, now, REFRESH_TIMEOUT);
                    None
                }
                DueRefresh::Blocking if state.value.is_some() => {
                    Some(self.join_or_start(&mut state, now, WAIT_TIMEOUT))
                }
                // A fetch may take longer than requests wait, and would never end if each of them
                // restarted it. Each waits: between requests Lambda freezes the fetch.
                DueRefresh::Blocking => {
                    let refresh = self.join_or_start(&mut state, now, REFRESH_TIMEOUT);
                    Some(Refresh { wait_until: Instant::now() + WAIT_TIMEOUT, ..refresh })
                }
            }
        };
        if let Some(refresh) = awaited {
            self.0.wait_for(refresh).await;
        }
        self.0.value()
    }

    /// The value with the previous version in it. A start leaves that out, and the request then
    /// waits for the refresh that adds it, for 2 s at most.
    ///
    /// # Errors
    ///
    /// A transient [`SecretError`] if there is no value, or none with the previous version yet.
    pub async fn get_with_previous(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        let value = self.get(now).await?;
        let refresh = {
            let mut state = self.0.state();
            if !state.is_partial {
                return Ok(value);
            }
            let is_due = self.0.due_refresh(&state, now) != DueRefresh::None;
            is_due.then(|| self.join_or_start(&mut state, now, WAIT_TIMEOUT))
        };
        if let Some(refresh) = refresh {
            self.0.wait_for(refresh).await;
        }
        if self.0.state().is_partial { Err(self.0.missing()) } else { self.0.value() }
    }

    /// A value other than `seen`, with which a token or a password was refused. If the cache has
    /// none, a refresh is forced, whatever the age of the value. Concurrent calls share it, and
    /// for 10 s no other one is forced. `None` if the secret has not changed, or the refresh takes
    /// longer than 2 s.
    pub(crate) async fn force_refresh(&self, seen: &Arc<T>, now: SystemTime) -> Option<Arc<T>> {
        // Twice, since a refresh under way may have started before the secret changed.
        for _ in 0..2 {
            let refresh = {
                let mut state = self.0.state();
                if let Some(newer) = state.other_than(seen) {
                    return Some(newer);
                }
                self.0.origin.as_ref()?;
                let cools_down = state.forced_at.is_some_and(|at| age(at, now) < FORCED_COOL_DOWN);
                match state.running(now, WAIT_TIMEOUT) {
                    Some(refresh) => refresh,
                    None if cools_down => return None,
                    None => {
                        state.forced_at = Some(now);
                        self.start(&mut state, now)
                    }
                }
            };
            self.0.wait_for(refresh).await;
        }
        self.0.state().other_than(seen)
    }

    /// Whether requests can be answered: there is a value, and the previous version was added to
    /// it, or may still be. Starts a refresh in the background if either is missing.
    pub(crate) fn is_ready(&self, now: SystemTime) -> bool {
        let mut state = self.0.state();
        let is_complete = state.value.is_some() && !state.is_partial;
        if !is_complete && self.0.due_refresh(&state, now) != DueRefresh::None {
            self.join_or_start(&mut state, now, REFRESH_TIMEOUT);
        }
        is_complete || (state.value.is_some() && state.failed.is_none())
    }

    /// The refresh under way, if it started at most `max_age` ago. Otherwise a new one replaces it,
    /// since it may have been frozen.
    fn join_or_start(&self, state: &mut State<T>, now: SystemTime, max_age: Duration) -> Refresh {
        state.running(now, max_age).unwrap_or_else(|| self.start(state, now))
    }

    /// Starts a refresh on a task of its own, since the request may be cancelled.
    fn start(&self, state: &mut State<T>, now: SystemTime) -> Refresh {
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
        let wait_until = Instant::now() + WAIT_TIMEOUT;
        let refresh = Refresh { started_at: now, wait_until, task: task.abort_handle(), done };
        state.refresh.insert(refresh).clone()
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a refresh is due, and whether the request waits for it. None is due during the
    /// cool-down after a failure. A request waits if there is no value, or if the value is much too
    /// old because the process was frozen or idle, and not because refreshes fail.
    fn due_refresh(&self, state: &State<T>, now: SystemTime) -> DueRefresh {
        let Some(origin) = &self.origin else { return DueRefresh::None };
        let max_age = origin.secrets.config.max_age;
        let has_failed_within =
            |limit| state.failed.as_ref().is_some_and(|(at, _)| age(*at, now) < limit);
        if state.value.is_none() {
            // A refresh that took longer than 2 s counts as failed, and may still be running.
            let is_running = state.running(now, REFRESH_TIMEOUT).is_some();
            let cools_down = has_failed_within(RETRY_AFTER) && !is_running;
            return if cools_down { DueRefresh::None } else { DueRefresh::Blocking };
        }
        let age = age(state.fetched_at, now);
        if (age <= max_age && !state.is_partial) || has_failed_within(FAILURE_COOL_DOWN) {
            DueRefresh::None
        } else if age <= max_age + STALE_LIMIT || has_failed_within(max_age + STALE_LIMIT) {
            DueRefresh::Background
        } else {
            DueRefresh::Blocking
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

    /// Waits until a refresh has ended, and at most until its `wait_until`. If it has not ended
    /// then, it counts as failed, so that other requests do not wait for it. It may still succeed.
    async fn wait_for(&self, mut refresh: Refresh) {
        let has_ended = timeout_at(refresh.wait_until, refresh.done.changed()).await.is_ok();
        let Some(origin) = self.origin.as_ref().filter(|_| !has_ended) else { return };
        let error = origin.source.transient_error("did not come within 2 s");
        let mut state = self.state();
        let is_running = state.refresh.as_ref().is_some_and(|it| it.task.id() == refresh.task.id());
        let has_failed = state.failed.as_ref().is_some_and(|(at, _)| *at == refresh.started_at);
        if is_running && !has_failed {
            state.failed = Some((refresh.started_at, error.clone()));
            drop(state);
            self.warn(&error);
        }
    }

    fn report(&self, error: &SecretError) {
        if let Some(origin) = &self.origin {
            metrics::count_secret_failure(origin.kind);
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

    /// Fetches and parses the secret, and replaces the value if it has changed: then it returns the
    /// secret's name. `task` is the one that this runs on, `None` at the start. If another refresh
    /// has started meanwhile, nothing is replaced.
    async fn refresh(
        &self,
        started_at: SystemTime,
        task: Option<task::Id>,
    ) -> Result<Option<String>, SecretError> {
        let Some(origin) = &self.origin else { return Ok(None) };
        // A start makes one call. A file has one version.
        let is_partial = task.is_none()
            && origin.extra == ExtraVersions::Previous
            && matches!(origin.source.place, SecretPlace::SecretsManager(_));
        let is_forced = self.state().forced_at.is_some();
        let extra = match origin.extra {
            ExtraVersions::Previous if is_partial => ExtraVersions::None,
            ExtraVersions::PendingAndPrevious if !is_forced => ExtraVersions::None,
            extra => extra,
        };
        let fetched = origin.secrets.fetch_versions(&origin.source, extra).await;
        let old = self.state().fingerprint.clone();
        // Without the lock, since parsing a key takes time.
        let parsed = fetched.and_then(|versions| {
            let fingerprint = versions.fingerprint();
            if fingerprint == old {
                return Ok(None);
            }
            Ok(Some((fingerprint, Arc::new(origin.parse(&versions)?))))
        });
        let mut state = self.state();
        if state.refresh.as_ref().map(|refresh| refresh.task.id()) != task {
            return Ok(None);
        }
        state.refresh = None;
        match parsed {
            Ok(changed) => {
                let was_partial = mem::replace(&mut state.is_partial, is_partial);
                (state.fetched_at, state.failed) = (started_at, None);
                origin.secrets.set_fetched_at(origin.kind, started_at);
                let Some((fingerprint, value)) = changed else { return Ok(None) };
                let is_only_completed = was_partial && fingerprint[0] == old[0];
                (state.fingerprint, state.value) = (fingerprint, Some(value));
                Ok((!is_only_completed).then(|| origin.source.describe()))
            }
            Err(error) => {
                state.failed = Some((started_at, error.clone()));
                Err(error)
            }
        }
    }
}

impl<T> State<T> {
    /// The refresh under way, if it has not panicked and started at most `max_age` ago.
    fn running(&self, now: SystemTime, max_age: Duration) -> Option<Refresh> {
        let refresh = self.refresh.as_ref()?;
        let is_alive = !refresh.task.is_finished() && age(refresh.started_at, now) <= max_age;
        is_alive.then(|| refresh.clone())
    }

    fn other_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        self.value.clone().filter(|value| !Arc::ptr_eq(value, seen))
    }
}

/// How long ago `then` was. It is zero if `then` is up to 10 s ahead, since requests overtake each
/// other, and endless if it is further ahead: then the clock was set back.
pub(super) fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_else(|ahead| {
        if ahead.duration() <= MAX_CLOCK_SKEW { Duration::ZERO } else { Duration::MAX }
    })
}

impl<T> Clone for SecretCache<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A cache of a value that never changes.
impl<T: Send + Sync + 'static> From<Arc<T>> for SecretCache<T> {
    fn from(value: Arc<T>) -> Self {
        Self::new(None, Some(value))
    }
}
