//! What was made of a secret, in memory, and how it follows the secret.
//!
//! Nothing runs by itself here, since Lambda freezes a process between two requests: each
//! request brings the time, and finds out what there is to do. All times are those of the
//! wall clock; the monotonic one may stand still while a process is frozen.

mod attempt;
mod recipe;
#[cfg(test)]
mod tests;

pub use recipe::Recipe;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::{SecretError, Secrets, Versions};
use attempt::{Attempt, Reason};

/// How long to leave a source alone that did not answer, and how long those who may be
/// wrong have to leave it alone: a token with an unknown key, a refused password.
const PAUSE: Duration = Duration::from_secs(10);
/// The same while nothing can be answered at all, as `Retry-After` tells clients.
const PAUSE_WITHOUT_SECRET: Duration = Duration::from_secs(2);

/// What was made of a secret. Clones share it.
pub struct SecretCache<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    /// Nothing of what cannot change.
    origin: Option<(Recipe<T>, Secrets)>,
    state: Mutex<State<T>>,
}

struct State<T> {
    held: Option<(Versions, Arc<T>)>,
    /// When the fetch began that last confirmed or changed what is held.
    fetched: SystemTime,
    /// When the last fetch began, if it failed, and why.
    failed: Option<(SystemTime, SecretError)>,
    /// When the last fetch began that somebody demanded.
    demanded: Option<SystemTime>,
    running: Option<Attempt>,
}

/// What a request has to do before it goes on.
enum Need {
    /// Nothing.
    Nothing,
    /// Have the secret fetched, and go on with what is there.
    Fetch,
    /// Have the secret fetched, and wait for it.
    FetchAndWait,
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    /// A cache of what never changes.
    #[must_use]
    pub fn fixed(value: Arc<T>) -> Self {
        let nothing = Versions { current: String::new().into(), pending: None, previous: None };
        Self::with(None, Some((nothing, value)), SystemTime::now())
    }

    pub(super) async fn fill(recipe: Recipe<T>, secrets: Secrets) -> Result<Self, SecretError> {
        let now = SystemTime::now();
        let may_change = recipe.source.may_change();
        if secrets.deferred && may_change {
            return Ok(Self::with(Some((recipe, secrets)), None, SystemTime::UNIX_EPOCH));
        }
        let (held, failed) = match recipe.fetch(&secrets, false).await {
            Ok(versions) => {
                let value = recipe.read(&versions)?;
                (Some((versions, Arc::new(value))), None)
            }
            Err(error) if error.transient => {
                tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
                (None, Some((now, error)))
            }
            Err(error) => return Err(error),
        };
        let cache = Self::with(may_change.then_some((recipe, secrets)), held, now);
        cache.inner.state().failed = failed;
        Ok(cache)
    }

    fn with(
        origin: Option<(Recipe<T>, Secrets)>,
        held: Option<(Versions, Arc<T>)>,
        fetched: SystemTime,
    ) -> Self {
        let state = State { held, fetched, failed: None, demanded: None, running: None };
        Self { inner: Arc::new(Inner { origin, state: Mutex::new(state) }) }
    }

    /// What is in memory, for a request at `now`. If it has grown old it is fetched again,
    /// while requests go on with it; one waits only where nobody has looked for so long
    /// that it cannot be trusted, as after a freeze, or where there is nothing, for 3 s at
    /// most.
    ///
    /// # Errors
    ///
    /// The [`SecretError`] for which there is nothing.
    pub async fn get(&self, now: SystemTime) -> Result<Arc<T>, SecretError> {
        let waiting = {
            let mut state = self.inner.state();
            match self.inner.need(&state, now) {
                Need::Nothing => None,
                Need::Fetch => {
                    self.join(&mut state, Reason::Age, now);
                    None
                }
                Need::FetchAndWait => Some(self.join(&mut state, Reason::Age, now)),
            }
        };
        if let Some(attempt) = waiting {
            attempt.wait().await;
        }
        self.inner.held()
    }

    /// Something newer than `seen`, which did not do: it is fetched for all who ask at
    /// once, 10 s after the last time at the earliest. `None` if there is nothing newer,
    /// or it does not come within 3 s.
    pub async fn newer_than(&self, seen: &Arc<T>, now: SystemTime) -> Option<Arc<T>> {
        // Twice, since a fetch that is under way may have begun before the secret changed.
        for _ in 0..2 {
            let attempt = {
                let mut state = self.inner.state();
                if let Some(newer) = state.newer_than(seen) {
                    return Some(newer);
                }
                self.inner.origin.as_ref()?;
                let recent = state.demanded.is_some_and(|at| age(at, now) < PAUSE);
                match state.running(now) {
                    Some(running) => running,
                    None if recent => return None,
                    None => self.join(&mut state, Reason::Demand, now),
                }
            };
            attempt.clone().wait().await;
            if attempt.reason == Reason::Demand {
                break;
            }
        }
        self.inner.state().newer_than(seen)
    }

    /// Whether there is something; if not, it is fetched, and nobody waits.
    #[must_use]
    pub fn is_filled(&self, now: SystemTime) -> bool {
        let mut state = self.inner.state();
        if state.held.is_none() && matches!(self.inner.need(&state, now), Need::FetchAndWait) {
            self.join(&mut state, Reason::Age, now);
        }
        state.held.is_some()
    }

    /// The fetch that is under way, or a new one.
    fn join(&self, state: &mut State<T>, reason: Reason, now: SystemTime) -> Attempt {
        if let Some(running) = state.running(now) {
            return running;
        }
        if let Some(overdue) = state.running.take() {
            overdue.abort();
        }
        if reason == Reason::Demand {
            state.demanded = Some(now);
        }
        let inner = Arc::clone(&self.inner);
        let in_need = state.demanded.is_some();
        let attempt = Attempt::begin(reason, now, async move { inner.renew(now, in_need).await });
        state.running = Some(attempt.clone());
        attempt
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> Result<Arc<T>, SecretError> {
        let state = self.state();
        match (&state.held, &state.failed) {
            (Some((_, value)), _) => Ok(Arc::clone(value)),
            (None, Some((_, error))) => Err(error.clone()),
            (None, None) => Err(SecretError {
                source_name: self
                    .origin
                    .as_ref()
                    .map(|(recipe, _)| recipe.source.describe())
                    .unwrap_or_default(),
                reason: "is still being fetched".into(),
                transient: true,
            }),
        }
    }

    fn need(&self, state: &State<T>, now: SystemTime) -> Need {
        let Some((_, secrets)) = &self.origin else { return Need::Nothing };
        let refresh = secrets.config.refresh;
        let failed =
            |limit| state.failed.as_ref().is_some_and(|(began, _)| age(*began, now) < limit);
        if state.held.is_none() {
            let pause = failed(PAUSE_WITHOUT_SECRET) && state.running(now).is_none();
            return if pause { Need::Nothing } else { Need::FetchAndWait };
        }
        let age = age(state.fetched, now);
        if age <= refresh || failed(PAUSE) {
            Need::Nothing
        } else if age <= refresh + PAUSE || failed(refresh + PAUSE) {
            Need::Fetch
        } else {
            Need::FetchAndWait
        }
    }

    /// Fetches the secret and takes over what is made of it. What is held stays if that
    /// fails.
    async fn renew(&self, began: SystemTime, in_need: bool) {
        let Some((recipe, secrets)) = &self.origin else { return };
        let fetched = recipe.fetch(secrets, in_need).await;
        let mut state = self.state();
        if state.running.as_ref().is_none_or(|running| running.began != began) {
            return;
        }
        state.running = None;
        let renewed = fetched.and_then(|versions| match &state.held {
            Some((held, value)) if held.same_as(&versions) => Ok((versions, Arc::clone(value))),
            _ => {
                let value = recipe.read(&versions)?;
                tracing::info!(secret = recipe.source.describe(), "a secret was renewed");
                Ok((versions, Arc::new(value)))
            }
        });
        match renewed {
            Ok(held) => {
                state.held = Some(held);
                state.fetched = began;
                state.failed = None;
            }
            Err(error) => {
                if state.held.is_some() {
                    tracing::warn!(%error, "a secret was not renewed; the one in memory serves on");
                } else {
                    tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
                }
                state.failed = Some((began, error));
            }
        }
    }
}

impl<T> State<T> {
    fn running(&self, now: SystemTime) -> Option<Attempt> {
        self.running.clone().filter(|attempt| !attempt.is_overdue(now))
    }

    fn newer_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let (_, held) = self.held.as_ref()?;
        (!Arc::ptr_eq(held, seen)).then(|| Arc::clone(held))
    }
}

/// How long ago that was. A clock that was set back says nothing, so that it counts as
/// for ever.
fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or(Duration::MAX)
}

impl<T> Clone for SecretCache<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: Send + Sync + 'static> From<Arc<T>> for SecretCache<T> {
    fn from(value: Arc<T>) -> Self {
        Self::fixed(value)
    }
}

impl<T> fmt::Debug for SecretCache<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretCache").finish_non_exhaustive()
    }
}
