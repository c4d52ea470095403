//! One connection, from its first head to its end.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Request, Response, header::EXPECT},
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep, timeout},
};

use super::progress::Progress;

/// Request line and headers together.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much of a body is read and dropped, so that the connection can be used again.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long that may take.
const BODY_LIMIT: Duration = Duration::from_secs(5);
/// How long what a client still sends is read after the last answer.
const LINGER_LIMIT: Duration = Duration::from_secs(1);

/// Answers the requests of a connection until its client ends it or breaks a limit, or
/// `progress.close` is cancelled and the request at hand is answered.
pub(super) async fn serve<S, A>(
    stream: S,
    progress: &Arc<Progress>,
    answer: impl Fn(Request<Incoming>) -> A,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Future<Output = Response<Body>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        progress.begin_answer(!request.body().is_end_stream());
        let answer = answer(request);
        async move {
            let response = answer.await;
            progress.end_answer();
            Ok::<_, Infallible>(response)
        }
    });
    let socket = Socket { stream, progress: Arc::clone(progress), linger: None };
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // First: what has come is not lost to the ends below.
            biased;
            ended = &mut connection => break ended,
            () = progress.expired() => break Ok(()),
            () = progress.close.cancelled(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Reads a body beside its answer, and drops it: neither function wants one. Of one that is too
/// large or too slow the rest is left, and hyper closes the connection behind the answer (RFC 9112
/// sections 9.3 and 9.6).
///
/// `false` if it is left at once. A client that asks before it sends a body (`Expect`) may not send
/// it once it has its answer, and where its next request begins could not be told.
pub(super) fn discard(body: Incoming, head: &HeaderMap, progress: &Arc<Progress>) -> bool {
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 || head.contains_key(EXPECT) {
        return false;
    }
    let (mut body, progress) = (Limited::new(body, MAX_BODY_BYTES), Arc::clone(progress));
    let request = progress.request();
    tokio::spawn(timeout(BODY_LIMIT, async move {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return;
            }
        }
        progress.end_body(request);
    }));
    true
}

/// A client's socket: it reports what comes and goes, and lets a client read its last answer.
struct Socket<S> {
    stream: S,
    progress: Arc<Progress>,
    /// Runs once the last answer was written.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.received();
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress.write(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// A socket that is closed while its client still sends is reset, and the reset can
    /// overtake the answer. So what comes is read a while longer (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.progress.is_partial() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER_LIMIT)));
        let mut dropped = [0; 4096];
        while linger.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
