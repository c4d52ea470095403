//! The state of a connection, and the timeouts of its client.
//!
//! hyper has one timeout for idle connections and request heads together, and none for a client that
//! does not read its response.

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
/// How long a client may read nothing of its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The progress of one connection, which its parts share.
pub(super) struct Progress {
    state: Mutex<State>,
    /// Cancelled to close the connection.
    pub(super) close: CancellationToken,
}

struct State {
    phase: Phase,
    /// The number of request heads so far.
    requests: u64,
    /// A body was announced, and is not complete.
    body_pending: bool,
    /// A part of a request was received.
    partial: bool,
    /// Set while the client reads nothing of its response.
    write_deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// A head is awaited.
    Head { deadline: Instant },
    /// A request is being handled.
    Handling,
    /// The last request was answered, and nothing of the next one was received.
    Idle { since: Instant },
}

impl Progress {
    /// A new connection.
    pub(super) fn new(first_head: Duration, close: CancellationToken) -> Arc<Self> {
        let phase = Phase::Head { deadline: Instant::now() + first_head };
        let (body_pending, partial) = (false, false);
        let state = State { phase, requests: 0, body_pending, partial, write_deadline: None };
        Arc::new(Self { state: Mutex::new(state), close })
    }

    /// Bytes were received. If a body is pending they are part of it, under its own timeout.
    pub(super) fn received(&self) {
        let mut state = self.state();
        state.partial = true;
        if matches!(state.phase, Phase::Idle { .. }) && !state.body_pending {
            state.phase = Phase::Head { deadline: Instant::now() + HEADER_READ_TIMEOUT };
        }
    }

    /// A head is complete, and its body may be pending.
    pub(super) fn begin_request(&self, body_pending: bool) {
        let mut state = self.state();
        state.requests += 1;
        (state.phase, state.body_pending, state.partial) =
            (Phase::Handling, body_pending, body_pending);
    }

    /// The number of the last request whose head is complete.
    pub(super) fn request(&self) -> u64 {
        self.state().requests
    }

    /// The response is ready to be sent.
    pub(super) fn end_request(&self) {
        self.state().phase = Phase::Idle { since: Instant::now() };
    }

    /// The body of this request is complete; a pending body may be that of the next one.
    pub(super) fn end_body(&self, request: u64) {
        let mut state = self.state();
        if state.requests == request {
            (state.body_pending, state.partial) = (false, false);
        }
    }

    /// A write to the client was completed, or has to wait for it.
    pub(super) fn written(&self, is_complete: bool) {
        let mut state = self.state();
        if is_complete {
            state.write_deadline = None;
        } else {
            state.write_deadline.get_or_insert_with(|| Instant::now() + WRITE_TIMEOUT);
        }
    }

    /// Restarts the timeout of the awaited head.
    pub(super) fn extend_header_timeout(&self) {
        if let Phase::Head { deadline } = &mut self.state().phase {
            *deadline = Instant::now() + HEADER_READ_TIMEOUT;
        }
    }

    /// The time since which the connection is idle; `None` if it is not.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match *self.state() {
            State { phase: Phase::Idle { since }, body_pending: false, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether the client may still be sending a request.
    pub(super) fn is_partial(&self) -> bool {
        self.state().partial
    }

    /// Completes at a timeout. To be polled after the connection, which changes this state.
    pub(super) async fn expired(&self) {
        let mut sleep = pin!(sleep_until(Instant::now()));
        let poll = |context: &mut Context<'_>| {
            let State { phase, write_deadline, .. } = *self.state();
            let deadline = match (write_deadline, phase) {
                (Some(deadline), _) | (None, Phase::Head { deadline }) => deadline,
                (None, Phase::Idle { since }) => since + IDLE_TIMEOUT,
                (None, Phase::Handling) => return Poll::Pending,
            };
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
