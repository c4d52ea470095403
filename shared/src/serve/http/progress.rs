//! The state of a connection, and the timeouts of its client. hyper has one timeout for idle
//! connections and request heads together.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// From the first byte of a head to its last; for the first head, from the accept.
pub(super) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two requests (keep-alive).
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The progress of one connection, which its parts share.
pub(super) struct Progress {
    state: Mutex<State>,
    /// Cancelled to close the connection.
    pub(super) close: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Of the head that is awaited, or of the idle connection; `None` while a request is handled.
    deadline: Option<Instant>,
    /// Set between two requests.
    idle_since: Option<Instant>,
    requests: u64,
    /// A body was announced, and is not complete.
    body_pending: bool,
    /// A part of a request was received.
    partial: bool,
}

impl Progress {
    pub(super) fn new(first_head: Duration, close: CancellationToken) -> Arc<Self> {
        let deadline = Some(Instant::now() + first_head);
        Arc::new(Self { state: Mutex::new(State { deadline, ..State::default() }), close })
    }

    /// Bytes were received. If a body is pending they are part of it, under its own timeout.
    pub(super) fn received(&self) {
        let mut state = self.state();
        state.partial = true;
        if !state.body_pending && state.idle_since.take().is_some() {
            state.deadline = Some(Instant::now() + HEADER_READ_TIMEOUT);
        }
    }

    /// A head is complete, and its body may be pending.
    pub(super) fn begin_request(&self, body_pending: bool) {
        let mut state = self.state();
        state.requests += 1;
        (state.deadline, state.idle_since) = (None, None);
        (state.body_pending, state.partial) = (body_pending, body_pending);
    }

    /// The number of the last request whose head is complete.
    pub(super) fn request(&self) -> u64 {
        self.state().requests
    }

    /// The response is ready to be sent.
    pub(super) fn end_request(&self) {
        let (mut state, now) = (self.state(), Instant::now());
        (state.deadline, state.idle_since) = (Some(now + IDLE_TIMEOUT), Some(now));
    }

    /// The body of this request is complete; a pending body may be that of the next one.
    pub(super) fn end_body(&self, request: u64) {
        let mut state = self.state();
        if state.requests == request {
            (state.body_pending, state.partial) = (false, false);
        }
    }

    /// Restarts the timeout of the first head, if it is awaited.
    pub(super) fn extend_header_timeout(&self) {
        let mut state = self.state();
        if state.requests == 0 {
            state.deadline = Some(Instant::now() + HEADER_READ_TIMEOUT);
        }
    }

    /// The time since which the connection is idle; `None` if it is not.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        state.idle_since.filter(|_| !state.body_pending)
    }

    /// Whether the client may still be sending a request.
    pub(super) fn is_partial(&self) -> bool {
        self.state().partial
    }

    /// Completes at a timeout. To be polled after the connection, which changes this state.
    pub(super) async fn expired(&self) {
        let mut sleep = pin!(sleep_until(Instant::now()));
        let poll = |context: &mut Context<'_>| {
            let Some(deadline) = self.state().deadline else { return Poll::Pending };
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            sleep.as_mut().poll(context)
        };
        poll_fn(poll).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
