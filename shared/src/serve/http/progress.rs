//! What a connection is doing, and how long its client may take for it.
//!
//! hyper has one limit for the time between requests and for a head, and none for an answer that
//! its client does not take.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// From the first byte of a head to its last; for the first head, since it was accepted.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection may be kept between two requests.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// How long a client that takes nothing of its answer is waited for.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// The progress of one connection, which its parts share.
pub(super) struct Progress {
    state: Mutex<State>,
    /// Cancelled when the connection has to end.
    pub(super) close: CancellationToken,
}

struct State {
    phase: Phase,
    /// How many requests there were.
    requests: u64,
    /// A body was announced, and not all of it has come.
    body_pending: bool,
    /// Some of a request has come, and not all of it.
    partial: bool,
    /// When the client has to have taken more, while it takes nothing.
    write_deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// A head has to be there by then.
    Head { deadline: Instant },
    /// A request is being answered.
    Answer,
    /// The last request is answered, and nothing of the next has come.
    Idle { since: Instant },
}

impl Progress {
    /// A new connection, with so much time for its first head.
    pub(super) fn new(first_head: Duration, close: CancellationToken) -> Arc<Self> {
        let phase = Phase::Head { deadline: Instant::now() + first_head };
        let (body_pending, partial) = (false, false);
        let state = State { phase, requests: 0, body_pending, partial, write_deadline: None };
        Arc::new(Self { state: Mutex::new(state), close })
    }

    /// Bytes have come. While a body is under way they are its own, and have its limit.
    pub(super) fn received(&self) {
        let mut state = self.state();
        state.partial = true;
        if matches!(state.phase, Phase::Idle { .. }) && !state.body_pending {
            state.phase = Phase::Head { deadline: Instant::now() + HEAD_LIMIT };
        }
    }

    /// A head is there, and a body may be still to come.
    pub(super) fn begin_answer(&self, body_pending: bool) {
        let mut state = self.state();
        state.requests += 1;
        (state.phase, state.body_pending, state.partial) =
            (Phase::Answer, body_pending, body_pending);
    }

    /// The number of the last request whose head is there.
    pub(super) fn request(&self) -> u64 {
        self.state().requests
    }

    /// The answer is ready to be sent.
    pub(super) fn end_answer(&self) {
        self.state().phase = Phase::Idle { since: Instant::now() };
    }

    /// All of this request's body has come. What is pending may be the next one's already.
    pub(super) fn end_body(&self, request: u64) {
        let mut state = self.state();
        if state.requests == request {
            (state.body_pending, state.partial) = (false, false);
        }
    }

    /// Whether the client takes what is sent to it.
    pub(super) fn write(&self, is_taken: bool) {
        let mut state = self.state();
        if is_taken {
            state.write_deadline = None;
        } else {
            state.write_deadline.get_or_insert_with(|| Instant::now() + WRITE_LIMIT);
        }
    }

    /// The usual limit for the head that is waited for.
    pub(super) fn extend_head(&self) {
        if let Phase::Head { deadline } = &mut self.state().phase {
            *deadline = Instant::now() + HEAD_LIMIT;
        }
    }

    /// Since when the connection is between two requests, if it is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match *self.state() {
            State { phase: Phase::Idle { since }, body_pending: false, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether the client may be in the middle of a request.
    pub(super) fn is_partial(&self) -> bool {
        self.state().partial
    }

    /// Ends when the client has taken too long. To be polled behind whatever changes the progress.
    pub(super) async fn expired(&self) {
        let mut sleep = pin!(sleep_until(Instant::now()));
        let poll = |context: &mut Context<'_>| {
            let State { phase, write_deadline, .. } = *self.state();
            let deadline = match (write_deadline, phase) {
                (Some(deadline), _) | (None, Phase::Head { deadline }) => deadline,
                (None, Phase::Idle { since }) => since + IDLE_LIMIT,
                (None, Phase::Answer) => return Poll::Pending,
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
