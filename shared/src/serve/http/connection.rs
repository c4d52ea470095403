//! One connection, from its first head to its end.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Request, Response, header::EXPECT},
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{progress::Progress, socket::Socket};

/// Request line and headers together.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much of a body is read and dropped, so that the connection can be used again.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long that may take.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// Answers the requests of a connection until its client ends it or breaks a limit, or, behind
/// the request that is being answered, `close` is cancelled.
pub(super) async fn serve<S, A>(
    stream: S,
    progress: Arc<Progress>,
    close: CancellationToken,
    answer: impl Fn(Request<Incoming>) -> A,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Future<Output = Response<Body>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        progress.begin_answer(!request.body().is_end_stream());
        let answer = answer(request);
        let progress = &progress;
        async move {
            let response = answer.await;
            progress.end_answer();
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Socket::new(stream, Arc::clone(&progress))), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // First: what has come is not lost to the ends below.
            biased;
            ended = &mut connection => break ended,
            () = progress.expired() => break Ok(()),
            () = close.cancelled(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Reads a body beside its answer, and drops it: neither function wants one, but they come all
/// the same, or are announced and never come. Of one that is too large or too slow the rest is
/// left, and hyper closes the connection behind the answer (RFC 9112 sections 9.3 and 9.6).
///
/// `false` if it is left at once. A client that asks before it sends a body
/// (`Expect: 100-continue`) may not send it once it has its answer, and where its next request
/// begins could not be told.
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
