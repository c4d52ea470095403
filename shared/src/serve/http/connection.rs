//! One connection, from the first request head to the close.

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

/// Of the request line and headers together; hyper answers 431 to more.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much of a body is discarded so that the connection can be kept.
const MAX_BODY_BYTES: usize = 64 * 1024;
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a closed connection is still read from.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a connection until its client closes it or exceeds a limit, or until `progress.close` is
/// cancelled and the current request is answered.
pub(super) async fn serve<S, F>(
    stream: S,
    progress: &Arc<Progress>,
    handler: impl Fn(Request<Incoming>) -> F,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Response<Body>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        progress.begin_request(!request.body().is_end_stream());
        let response = handler(request);
        async move {
            let response = response.await;
            progress.end_request();
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
            // Received requests come before a timeout or a close.
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

/// Discards a body while its request is handled: neither function reads one. If it is too large or
/// too slow, the rest is not read, and hyper closes the connection after the response (RFC 9112
/// sections 9.3 and 9.6).
///
/// Returns `false` if nothing is read: the body is too large, or the client waits for `100 Continue`
/// (`Expect`). Such a client may never send the body, which then could not be told from its next
/// request.
pub(super) fn discard(body: Incoming, head: &HeaderMap, progress: &Arc<Progress>) -> bool {
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 || head.contains_key(EXPECT) {
        return false;
    }
    let (mut body, progress) = (Limited::new(body, MAX_BODY_BYTES), Arc::clone(progress));
    let request = progress.request();
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

/// A client's socket, which reports reads and writes to `progress`, and lingers when it is closed.
struct Socket<S> {
    stream: S,
    progress: Arc<Progress>,
    /// Set when the last response is written.
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
        self.progress.written(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Closing a socket whose client still sends resets it, and the reset can overtake the response.
    /// So it is read from for a while (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.progress.is_partial() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER_TIMEOUT)));
        let mut discarded = [0; 4096];
        while linger.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
