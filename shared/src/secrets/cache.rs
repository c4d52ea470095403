//! What was made of a secret, in memory, and how it follows the secret.
//!
//! Nothing runs by itself here, since Lambda freezes a process between two requests: each
//! request brings the time, and finds out what there is to do. All times are those of the
//! wall clock; the monotonic one may stand still while a process is frozen.

mod attempt;
mod recipe;
mod state;
#[cfg(test)]
mod tests;

pub use recipe::Recipe;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::{SecretError, Secrets, ages::Aged};
use crate::telemetry::metrics;
use attempt::{Attempt, Reason};
use state::{Held, Need, State};

/// What was made of a secret. Clones share it.
pub struct SecretCache<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    /// Nothing of what cannot change.
    origin: Option<(Recipe<T>, Secrets)>,
    state: Mutex<State<T>>,
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    /// A cache of what never changes.
    #[must_use]
    pub fn fixed(value: Arc<T>) -> Self {
        let held = Held { fingerprint: None, value };
        Self::with(None, State::new(Some(held), SystemTime::now()))
    }

    /// What is held now, and nothing is fetched for it.
    #[must_use]
    pub fn peek(&self) -> Option<Arc<T>> {
        self.inner.state().held.as_ref().map(|held| Arc::clone(&held.value))
    }

    pub(super) async fn fill(recipe: Recipe<T>, secrets: Secrets) -> Result<Self, SecretError> {
        let mut state = State::new(None, SystemTime::now());
        if secrets.deferred && recipe.source.may_change() {
            return Ok(Self::with(Some((recipe, secrets)), state));
        }
        match recipe.fetch(&secrets, false).await {
            Ok(versions) => {
                let value = Arc::new(recipe.read(&versions)?);
                state.held = Some(Held { fingerprint: Some(versions.fingerprint()), value });
            }
            Err(error) if error.transient => {
                metrics::secret_not_fetched(recipe.kind);
                tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
                state.failed = Some((state.fetched, error));
            }
            Err(error) => return Err(error),
        }
        Ok(Self::with(recipe.source.may_change().then_some((recipe, secrets)), state))
    }

    fn with(origin: Option<(Recipe<T>, Secrets)>, state: State<T>) -> Self {
        let ages = origin.as_ref().map(|(recipe, secrets)| (recipe.kind, secrets.ages.clone()));
        let inner = Arc::new(Inner { origin, state: Mutex::new(state) });
        if let Some((kind, ages)) = ages {
            ages.watch(kind, &inner);
        }
        Self { inner }
    }

    /// What is in memory, for a request at `now`. If it has grown old it is fetched again,
    /// while requests go on with it; one waits only where nobody has looked for so long
    /// that it cannot be trusted, as after a freeze, or where there is nothing, for 2 s at
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
                    let _ = self.running(&mut state, now);
                    None
                }
                Need::FetchAndWait => Some(self.awaited(&mut state, now)),
            }
        };
        if let Some(attempt) = waiting {
            self.inner.wait_for(attempt).await;
        }
        self.inner.held()
    }

    /// Something newer than `seen`, which did not do: it is fetched for all who ask at
    /// once, 10 s after the last time at the earliest. `None` if there is nothing newer,
    /// or it does not come within 2 s.
    pub async fn newer_than(&self, seen: &Arc<T>, now: SystemTime) -> Option<Arc<T>> {
        // Twice, since a fetch that is under way may have begun before the secret changed.
        for _ in 0..2 {
            let attempt = {
                let mut state = self.inner.state();
                if let Some(newer) = state.newer_than(seen) {
                    return Some(newer);
                }
                self.inner.origin.as_ref()?;
                match state.running(now).filter(|running| running.is_fresh(now)) {
                    Some(running) => running,
                    None if state.was_demanded(now) => return None,
                    None => self.begin(&mut state, Reason::Demand, now),
                }
            };
            let demanded = attempt.reason == Reason::Demand;
            let ended = self.inner.wait_for(attempt).await;
            if demanded || !ended {
                break;
            }
        }
        self.inner.state().newer_than(seen)
    }

    /// Whether there is something; if not, it is fetched, and nobody waits.
    #[must_use]
    pub fn is_filled(&self, now: SystemTime) -> bool {
        let mut state = self.inner.state();
        if state.held.is_none() && self.inner.need(&state, now) == Need::FetchAndWait {
            let _ = self.awaited(&mut state, now);
        }
        state.held.is_some()
    }

    /// The fetch that is under way, or a new one.
    fn running(&self, state: &mut State<T>, now: SystemTime) -> Attempt {
        state.running(now).unwrap_or_else(|| self.begin(state, Reason::Age, now))
    }

    /// The same, and one that can be waited for: one that began a while ago may have been
    /// frozen on its way.
    fn awaited(&self, state: &mut State<T>, now: SystemTime) -> Attempt {
        let running = state.running(now).filter(|running| running.is_fresh(now));
        running.unwrap_or_else(|| self.begin(state, Reason::Age, now))
    }

    /// A new fetch, in place of the one that may be under way.
    fn begin(&self, state: &mut State<T>, reason: Reason, now: SystemTime) -> Attempt {
        if let Some(before) = state.running.take() {
            before.abort();
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

    fn need(&self, state: &State<T>, now: SystemTime) -> Need {
        let origin = self.origin.as_ref();
        origin.map_or(Need::Nothing, |(_, secrets)| state.need(secrets.config.refresh, now))
    }

    fn held(&self) -> Result<Arc<T>, SecretError> {
        let state = self.state();
        if let Some(held) = &state.held {
            return Ok(Arc::clone(&held.value));
        }
        let origin = self.origin.as_ref().map(|(recipe, _)| recipe.source.describe());
        Err(state.failed.as_ref().map_or_else(
            || SecretError {
                source_name: origin.unwrap_or_default(),
                reason: "is still being fetched".into(),
                transient: true,
            },
            |(_, error)| error.clone(),
        ))
    }

    /// Whether the fetch has ended. One that takes too long counts as failed, so that others
    /// do not wait for it as well, though it may still succeed.
    async fn wait_for(&self, mut attempt: Attempt) -> bool {
        if attempt.wait().await {
            return true;
        }
        let Some((recipe, _)) = &self.origin else { return false };
        let error = recipe.source.error("did not come within 2 s");
        let mut state = self.state();
        let running = state.running.as_ref().is_some_and(|running| running.is(&attempt));
        let known = state.failed.as_ref().is_some_and(|(began, _)| *began == attempt.began);
        if running && !known {
            state.failed = Some((attempt.began, SecretError { transient: true, ..error }));
            drop(state);
            self.warn();
        }
        false
    }

    /// Says that a secret was not fetched, and why.
    fn warn(&self) {
        let state = self.state();
        let Some((_, error)) = state.failed.clone() else { return };
        let held = state.held.is_some();
        drop(state);
        if held {
            tracing::warn!(%error, "a secret was not renewed; the one in memory serves on");
        } else {
            tracing::warn!(%error, "a secret is out of reach; requests are answered 503");
        }
    }

    /// Fetches the secret and takes over what is made of it. What is held stays if that
    /// fails.
    async fn renew(&self, began: SystemTime, in_need: bool) {
        let Some((recipe, secrets)) = &self.origin else { return };
        let fetched = recipe.fetch(secrets, in_need).await;
        // Made without the lock, since the numbers of a key take their time.
        let held = self.state().held.clone();
        let renewed = fetched.and_then(|versions| {
            let fingerprint = Some(versions.fingerprint());
            if let Some(held) = held.filter(|held| held.fingerprint == fingerprint) {
                return Ok(held);
            }
            let value = Arc::new(recipe.read(&versions)?);
            tracing::info!(secret = recipe.source.describe(), "a secret was renewed");
            Ok(Held { fingerprint, value })
        });
        if !self.take_over(began, renewed) {
            metrics::secret_not_fetched(recipe.kind);
            self.warn();
        }
    }

    /// Takes over what a fetch came to, unless another one has begun since. Whether all is
    /// well.
    fn take_over(&self, began: SystemTime, renewed: Result<Held<T>, SecretError>) -> bool {
        let mut state = self.state();
        if !state.running.as_ref().is_some_and(Attempt::is_own) {
            return true;
        }
        state.running = None;
        match renewed {
            Ok(held) => {
                state.held = Some(held);
                state.fetched = began;
                state.failed = None;
                true
            }
            Err(error) => {
                state.failed = Some((began, error));
                false
            }
        }
    }
}

impl<T: Send + Sync> Aged for Inner<T> {
    fn age(&self, now: SystemTime) -> Option<Duration> {
        let state = self.state();
        state.held.as_ref().map(|_| state::age(state.fetched, now))
    }
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
