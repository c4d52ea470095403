//! One connection, from the first request head to the close.

use std::{convert::Infallible, future::poll_fn, sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Request, Response, header::EXPECT},
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink},
    time::timeout,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::io::InspectReader;

use super::progress::Progress;

/// Of the request line and headers together; hyper answers 431 to more.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How much of a body is discarded so that the connection can be kept.
const MAX_BODY_BYTES: usize = 64 * 1024;
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may read nothing of its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
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
        Box::pin(async move {
            let response = response.await;
            progress.end_request();
            Ok::<_, Infallible>(response)
        })
    });
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(WRITE_TIMEOUT));
    let stream = InspectReader::new(Box::pin(stream), |bytes| {
        if !bytes.is_empty() {
            progress.received();
        }
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // Received requests come before a timeout or a close.
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            () = progress.expired() => return,
            () = progress.close.cancelled(), if !is_closing => {
                is_closing = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
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
