//! One connection, from the first request head to the close, and the timeouts of its client. hyper
//! has one timeout for idle connections and request heads together, and none for a client that does
//! not read its response.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{
        HeaderMap, HeaderValue, Request, Response,
        header::{CONNECTION, EXPECT},
    },
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink},
    time::{Instant, sleep_until, timeout},
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::{io::InspectReader, sync::CancellationToken};

/// Of the request line and headers together; hyper answers 431 to more.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much of a body is discarded so that the connection can be kept.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// From the first byte of a head to its last; for the first head, from the accept.
pub(super) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two requests (keep-alive).
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may read nothing of its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a closed connection is still read from.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a connection until its client closes it or exceeds a limit, or until `progress.close` is
/// cancelled and the current request is answered. The handler gets requests without their bodies.
pub(super) async fn serve<S, F>(
    stream: S,
    progress: &Arc<Progress>,
    handler: impl Fn(Request<Body>) -> F,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Response<Body>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let is_discarded = discard(body, &head.headers, progress);
        let response = handler(Request::from_parts(head, Body::empty()));
        async move {
            let mut response = response.await;
            progress.end_request();
            if !is_discarded {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(WRITE_TIMEOUT));
    // hyper moves it, and its timer cannot be moved.
    let stream = InspectReader::new(Box::pin(stream), |bytes| {
        if !bytes.is_empty() {
            progress.received();
        }
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // Received requests come before a timeout or a close.
            biased;
            ended = &mut connection => break ended,
            () = progress.expired() => return,
            () = progress.close.cancelled(), if !is_closing => {
                is_closing = true;
                // By its path: the macro has a `Pin` of its own in scope.
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
        // Only a malformed request was answered.
        if !error.is_parse() {
            return;
        }
    }
    let mut stream = connection.into_parts().io.into_inner();
    let is_closed = stream.shutdown().await.is_ok();
    // Closing a socket whose client still sends resets it, and the reset can overtake the response.
    // So it is read from for a while (RFC 9112 section 9.6).
    if is_closed && progress.is_partial() {
        let _ = timeout(LINGER_TIMEOUT, copy(&mut stream, &mut sink())).await;
    }
}

/// Discards a body while its request is handled: neither function reads one. If it is too large or
/// too slow, the rest is not read, and hyper closes the connection after the response (RFC 9112
/// sections 9.3 and 9.6).
///
/// Returns `false` if nothing is read: the body is too large, or the client waits for `100 Continue`
/// (`Expect`). Such a client may never send the body, which then could not be told from its next
/// request.
fn discard(body: Incoming, head: &HeaderMap, progress: &Arc<Progress>) -> bool {
    let request = progress.begin_request(!body.is_end_stream());
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 || head.contains_key(EXPECT) {
        return false;
    }
    let (mut body, progress) = (Limited::new(body, MAX_BODY_BYTES), Arc::clone(progress));
    tokio::spawn(timeout(BODY_READ_TIMEOUT, async move {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return;
            }
        }
        progress.end_body(request);
    }));
    true
}

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
    fn received(&self) {
        let mut state = self.state();
        state.partial = true;
        if !state.body_pending && state.idle_since.take().is_some() {
            state.deadline = Some(Instant::now() + HEADER_READ_TIMEOUT);
        }
    }

    /// A head is complete, and its body may be pending. Returns the number of the request.
    fn begin_request(&self, body_pending: bool) -> u64 {
        let mut state = self.state();
        state.requests += 1;
        (state.deadline, state.idle_since) = (None, None);
        (state.body_pending, state.partial) = (body_pending, body_pending);
        state.requests
    }

    /// The response is ready to be sent.
    fn end_request(&self) {
        let (mut state, now) = (self.state(), Instant::now());
        (state.deadline, state.idle_since) = (Some(now + IDLE_TIMEOUT), Some(now));
    }

    /// The body of this request is complete; a pending body may be that of the next one.
    fn end_body(&self, request: u64) {
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
    fn is_partial(&self) -> bool {
        self.state().partial
    }

    /// Completes at a timeout. To be polled after the connection, which changes this state.
    async fn expired(&self) {
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
