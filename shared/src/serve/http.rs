//! HTTP/1.1 on a listener, for Knative, Kubernetes and a laptop.
//!
//! No HTTP/2: every caller here speaks 1.1.

use std::{convert::Infallible, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response},
};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Health, ServeError, Service, call,
    health::{HEALTHZ, READYZ},
    signals::{Signals, Stop},
};

/// How long a client may take to send a head; an idle connection is closed after it too.
const HEAD_LIMIT: Duration = Duration::from_mins(1);
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long all may take from SIGTERM to the end: Kubernetes kills after 30 s.
const END_LIMIT: Duration = Duration::from_secs(25);
/// How much of a body is read and dropped, and for how long.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const BODY_LIMIT: Duration = Duration::from_secs(5);
/// After a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until SIGTERM and the drain time after it, or until SIGINT.
pub(super) async fn serve(
    service: Service,
    address: SocketAddr,
    drain: Duration,
    mut signals: Signals,
) -> Result<(), ServeError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| ServeError::Listen(address, error))?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
    }

    let server = Server { probes: service.health.clone().router(), service };
    let connections = GracefulShutdown::new();
    {
        let mut stopped = pin!(stop(&mut signals, drain, &server.service.health));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => spawn(stream, &server, &connections),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = &mut stopped => break,
            }
        }
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(END_LIMIT.saturating_sub(drain)) => {
            tracing::warn!("requests were still running");
        }
        _ = signals.next() => tracing::warn!("ended at once by another signal"),
    }
    Ok(())
}

/// Ready when the listener should close: a while after SIGTERM, in which `/readyz` is
/// 503 and everything else goes on, or as soon as another signal insists.
async fn stop(signals: &mut Signals, drain: Duration, health: &Health) {
    let stop = signals.next().await;
    health.start_draining();
    if stop == Stop::Terminate {
        tracing::info!(seconds = drain.as_secs(), "draining");
        // Whether the time is over or a signal came: it is time.
        let _ = tokio::time::timeout(drain, signals.next()).await;
    }
}

fn spawn(stream: TcpStream, server: &Server, connections: &GracefulShutdown) {
    // Answers are one small packet each; there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let server = server.clone();
    let answer = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// What every connection is answered with.
#[derive(Clone)]
struct Server {
    service: Service,
    probes: Router,
}

impl Server {
    /// Answers from the head alone. Probes come many times a second and leave no line.
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if !body.is_end_stream() {
            tokio::spawn(discard(body));
        }
        let request = Request::from_parts(head, Body::empty());
        if matches!(request.uri().path(), HEALTHZ | READYZ) {
            call(&self.probes, request).await
        } else {
            self.service.answer(request).await
        }
    }
}

/// Bodies mean nothing here. A small one is read and dropped, so that its connection can
/// be used again; on a larger or slower one hyper closes the connection after the answer.
async fn discard(mut body: Incoming) {
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > MAX_BODY_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_LIMIT, read).await;
}
