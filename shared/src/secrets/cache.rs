//! A stale-while-revalidate cache of what a secret holds, with single-flight refresh.
//!
//! There is no timer, since Lambda freezes a process between two requests: each request brings the
//! time, and starts a refresh if one is due. All times are those of the wall clock, since the
//! monotonic one may stand still while a process is frozen.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_lc_rs::digest::{SHA256, digest};
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::watch,
    task::{self, AbortHandle},
    time::{Instant, timeout_at},
};

use super::{ExtraVersions, RETRY_AFTER, SecretError, Secrets, Stage, Versions};
use crate::{
    config::{SecretKind, SecretPlace, SecretSource},
    telemetry::metrics::SECRET_FAILURES,
};

/// The cool-down after a failed refresh, and after a forced one.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// How long past its age a value is used without a wait for its refresh. It is no limit on its use:
/// while refreshes fail, it serves on.
const BACKGROUND_REFRESH_WINDOW: Duration = Duration::from_secs(10);
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

/// Of the versions, and whether the current one is new.
type Parse<T> = Box<dyn Fn(&Versions, bool) -> Result<T, String> + Send + Sync>;

/// How to fetch a secret and parse it.
struct Origin<T> {
    kind: SecretKind,
    source: SecretSource,
    extra: ExtraVersions,
    parse: Parse<T>,
    secrets: Secrets,
}

struct State<T> {
    value: Option<Arc<T>>,
    /// Whether the value was fetched at the start, without the previous version, which is still to
    /// come.
    lacks_previous: bool,
    /// A SHA-256 of each version that the value was parsed from, so that changes are noticed
    /// without keeping the texts.
    fingerprint: BTreeMap<Stage, Vec<u8>>,
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

/// What a caller of the cache waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitFor {
    Nothing,
    /// One that is not much too old.
    Value,
    /// A value with the previous version in it.
    PreviousVersion,
}

impl Secrets {
    /// A cache of a secret that `parse` parses, now and whenever it has changed; it is told whether
    /// the current version has. Its error is a reason for an operator, and never shows the secret.
    /// If the fetch is deferred or fails for now, the cache is empty until a later one succeeds.
    pub(crate) async fn cache<T: Send + Sync + 'static>(
        &self,
        kind: SecretKind,
        source: SecretSource,
        extra: ExtraVersions,
        parse: impl Fn(&Versions, bool) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<SecretCache<T>, SecretError> {
        if matches!(source.place, SecretPlace::Value(_)) {
            let versions = self.fetch_versions(&source, &[Stage::Current]).await?;
            let parsed = parse(&versions, true);
            return Ok(Arc::new(parsed.map_err(|reason| source.error(reason))?).into());
        }
        let (parse, secrets) = (Box::new(parse), self.clone());
        let cache = SecretCache::new(Some(Origin { kind, source, extra, parse, secrets }), None);
        if !self.deferred {
            cache.refresh(SystemTime::now(), None).await?;
        }
        Ok(cache)
    }
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    fn new(origin: Option<Origin<T>>, value: Option<Arc<T>>) -> Self {
        let state = State {
            value,
            lacks_previous: false,
            fingerprint: BTreeMap::new(),
            fetched_at: SystemTime::now(),
            failed: None,
            forced_at: None,
            refresh: None,
        };
        Self(Arc::new(Inner { origin, state: Mutex::new(state) }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cached value, whatever its age. Starts no refresh.
    pub(crate) fn peek(&self) -> Option<Arc<T>> {
        self.state().value.clone()
    }

    /// The value for a request at `now`. A stale value is returned at once, and refreshed in the
    /// background. The request waits for the refresh, for 2 s at most, only if there is no value,
    /// or if the value has been stale for more than 10 s and no refresh has failed meanwhile.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there is no value: why the last refresh failed.
    pub async fn get(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        self.get_up_to_date(now, WaitFor::Value).await
    }

    /// The value with the previous version in it. A start leaves that out, and the request then
    /// waits for the refresh that adds it, for 2 s at most.
    ///
    /// # Errors
    ///
    /// A transient [`SecretError`] if there is no value, or none with the previous version yet.
    pub async fn get_with_previous(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        self.get_up_to_date(now, WaitFor::PreviousVersion).await
    }

    async fn get_up_to_date(
        &self,
        now: SystemTime,
        wait_for: WaitFor,
    ) -> Result<Arc<T>, SecretError> {
        if let Some(refresh) = self.refresh_if_due(now, wait_for) {
            self.wait_for(refresh).await;
        }
        let state = self.state();
        match (&state.value, &state.failed) {
            (Some(value), _) if !state.lacks_previous || wait_for == WaitFor::Value => {
                Ok(Arc::clone(value))
            }
            (_, Some((_, error))) => Err(error.clone()),
            _ => {
                let origin = self.0.origin.as_ref().expect("only a fetched value can be missing");
                Err(origin.source.transient_error("is still being fetched"))
            }
        }
    }

    /// A value other than `seen`, with which a token or a password was refused. If the cache has
    /// none, a refresh is forced, whatever the age of the value. Concurrent calls share it, and
    /// for 10 s no other one is forced. `None` if the secret has not changed, or the refresh takes
    /// longer than 2 s.
    pub(crate) async fn force_refresh(&self, seen: &Arc<T>, now: SystemTime) -> Option<Arc<T>> {
        // Twice, since a refresh under way may have started before the secret changed.
        for _ in 0..2 {
            let refresh = {
                let mut state = self.state();
                if let Some(newer) = state.other_than(seen) {
                    return Some(newer);
                }
                self.0.origin.as_ref()?;
                let cools_down = state.forced_at.is_some_and(|at| age(at, now) < COOL_DOWN);
                match state.running(now, WAIT_TIMEOUT) {
                    Some(refresh) => refresh,
                    None if cools_down => return None,
                    None => {
                        state.forced_at = Some(now);
                        self.start(&mut state, now)
                    }
                }
            };
            self.wait_for(refresh).await;
        }
        self.state().other_than(seen)
    }

    /// Whether requests can be answered: there is a value, and the previous version was added to
    /// it, or may still be. Starts a refresh in the background if either is missing.
    pub(crate) fn is_ready(&self, now: SystemTime) -> bool {
        if self.peek().is_none() || self.state().lacks_previous {
            let _ = self.refresh_if_due(now, WaitFor::Nothing);
        }
        let state = self.state();
        state.value.is_some() && !(state.lacks_previous && state.failed.is_some())
    }

    /// Starts or joins the refresh that is due, if one is, and returns it if the caller waits for it.
    /// None is due during the cool-down after a failure. A request waits if there is no value, or if
    /// the value is much too old because the process was frozen or idle, and not because refreshes
    /// fail.
    fn refresh_if_due(&self, now: SystemTime, wait_for: WaitFor) -> Option<Refresh> {
        let max_age = self.0.origin.as_ref()?.secrets.config.max_age;
        let mut state = self.state();
        let failed_at = state.failed.as_ref().map(|(at, _)| *at);
        let has_failed_within = |limit| failed_at.is_some_and(|at| age(at, now) < limit);
        if state.value.is_none() {
            // A fetch may take longer than requests wait: it counts as failed then, but would never
            // end if each of them restarted it. Each waits: between requests Lambda freezes it.
            let running = state.running(now, REFRESH_TIMEOUT);
            if running.is_none() && has_failed_within(RETRY_AFTER) {
                return None;
            }
            let refresh = running.unwrap_or_else(|| self.start(&mut state, now));
            return Some(Refresh { wait_until: Instant::now() + WAIT_TIMEOUT, ..refresh });
        }
        let age = age(state.fetched_at, now);
        if (age <= max_age && !state.lacks_previous) || has_failed_within(COOL_DOWN) {
            return None;
        }
        let stale_limit = max_age + BACKGROUND_REFRESH_WINDOW;
        let is_much_too_old = age > stale_limit && !has_failed_within(stale_limit);
        let waits = match wait_for {
            WaitFor::Nothing => false,
            WaitFor::Value => is_much_too_old,
            WaitFor::PreviousVersion => is_much_too_old || state.lacks_previous,
        };
        // One that takes longer may have been frozen.
        let limit = if waits { WAIT_TIMEOUT } else { REFRESH_TIMEOUT };
        let refresh = state.running(now, limit).unwrap_or_else(|| self.start(&mut state, now));
        waits.then_some(refresh)
    }

    /// Starts a refresh on a task of its own, since the request may be cancelled. It replaces the
    /// one under way.
    fn start(&self, state: &mut State<T>, now: SystemTime) -> Refresh {
        if let Some(before) = state.refresh.take() {
            before.task.abort();
        }
        let cache = self.clone();
        let (end, done) = watch::channel(());
        let task = tokio::spawn(async move {
            // It has been logged.
            let _ = cache.refresh(now, Some(task::id())).await;
            drop(end);
        });
        let wait_until = Instant::now() + WAIT_TIMEOUT;
        let refresh = Refresh { started_at: now, wait_until, task: task.abort_handle(), done };
        state.refresh.insert(refresh).clone()
    }

    /// Waits until a refresh has ended, and at most until its `wait_until`. If it has not ended
    /// then, it counts as failed, so that other requests do not wait for it. It may still succeed.
    async fn wait_for(&self, mut refresh: Refresh) {
        let has_ended = timeout_at(refresh.wait_until, refresh.done.changed()).await.is_ok();
        let Some(origin) = self.0.origin.as_ref().filter(|_| !has_ended) else { return };
        let state = self.state();
        let is_running = state.refresh.as_ref().is_some_and(|it| it.task.id() == refresh.task.id());
        let has_failed = state.failed.as_ref().is_some_and(|(at, _)| *at == refresh.started_at);
        if is_running && !has_failed {
            let error = origin.source.transient_error("did not come within 2 s");
            Self::fail(state, refresh.started_at, &error);
        }
    }

    fn fail(mut state: MutexGuard<'_, State<T>>, started_at: SystemTime, error: &SecretError) {
        let has_value = state.value.is_some();
        state.failed = Some((started_at, error.clone()));
        // A log that is stuck must not hold up other requests.
        drop(state);
        if has_value {
            tracing::warn!(%error, "a secret was not renewed; the one in memory serves on");
        } else {
            tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
        }
    }

    /// Fetches and parses the secret, and replaces the value if it has changed. `task` is the one
    /// that this runs on, `None` at the start. If another refresh has started meanwhile, nothing is
    /// replaced. Only a start that fails for good is an error; other failures are logged.
    async fn refresh(
        &self,
        started_at: SystemTime,
        task: Option<task::Id>,
    ) -> Result<(), SecretError> {
        let Some(origin) = &self.0.origin else { return Ok(()) };
        let (is_start, is_forced) = (task.is_none(), self.state().forced_at.is_some());
        let stages = origin.extra.stages(is_start, is_forced);
        let fetched = origin.secrets.fetch_versions(&origin.source, stages).await;
        let old = self.state().fingerprint.clone();
        // Without the lock, since parsing a key takes time.
        let parsed = fetched.and_then(|versions| {
            let hash = |text: &SecretString| digest(&SHA256, text.expose_secret().as_bytes());
            let hashes =
                versions.iter().map(|(stage, text)| (*stage, hash(text).as_ref().to_vec()));
            let fingerprint: BTreeMap<_, _> = hashes.collect();
            if fingerprint == old {
                return Ok(None);
            }
            let is_new = fingerprint.get(&Stage::Current) != old.get(&Stage::Current);
            let parsed = (origin.parse)(&versions, is_new);
            let value = parsed.map_err(|reason| origin.source.error(reason))?;
            Ok(Some((fingerprint, Arc::new(value), is_new)))
        });
        let mut state = self.state();
        if state.refresh.as_ref().map(|refresh| refresh.task.id()) != task {
            return Ok(());
        }
        state.refresh = None;
        match parsed {
            Err(error) if is_start && !error.transient => return Err(error),
            Err(error) => {
                counter!(SECRET_FAILURES, "secret" => origin.kind.as_str()).increment(1);
                Self::fail(state, started_at, &error);
            }
            Ok(changed) => {
                // A file has one version.
                let lacks_previous = is_start
                    && origin.extra == ExtraVersions::Previous
                    && matches!(origin.source.place, SecretPlace::SecretsManager(_));
                let lacked_previous = mem::replace(&mut state.lacks_previous, lacks_previous);
                (state.fetched_at, state.failed) = (started_at, None);
                origin.secrets.fetched_at().insert(origin.kind, started_at);
                if let Some((fingerprint, value, is_new)) = changed {
                    (state.fingerprint, state.value) = (fingerprint, Some(value));
                    drop(state);
                    if !is_start && (is_new || !lacked_previous) {
                        tracing::info!(secret = origin.source.describe(), "a secret was renewed");
                    }
                }
            }
        }
        Ok(())
    }
}

impl<T> State<T> {
    /// The refresh under way, if it has not panicked and started at most `max_age` ago.
    fn running(&self, now: SystemTime, max_age: Duration) -> Option<Refresh> {
        let is_alive = |it: &Refresh| !it.task.is_finished() && age(it.started_at, now) <= max_age;
        self.refresh.clone().filter(is_alive)
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
