//! HTTP/1.1 on a listener, for Knative, Kubernetes and a laptop.
//!
//! No HTTP/2: every caller here speaks 1.1.

use std::{convert::Infallible, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, header::CONNECTION},
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
};

use super::{
    Health, ServeError, Service, call,
    health::{HEALTHZ, READYZ},
};
use crate::respond::{Refusal, refused};

/// How long a client may take to send a head; an idle connection is closed after it too.
const HEAD_LIMIT: Duration = Duration::from_mins(1);
/// How long what runs may take to finish once the listener is closed.
const FINISH_LIMIT: Duration = Duration::from_secs(15);
/// Bodies mean nothing here. One of up to this size is read and dropped, so that the
/// connection can be used again.
const LARGEST_BODY_BYTES: usize = 64 * 1024;
/// After a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until SIGTERM and the drain time after it, or until SIGINT.
pub(super) async fn serve(
    service: Service,
    address: SocketAddr,
    drain: Duration,
) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| ServeError::Listen(address, error))?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
    }

    let server = Server { probes: service.health.clone().router(), service };
    let connections = GracefulShutdown::new();
    {
        let mut stopped = pin!(stop(&mut terminate, &mut interrupt, drain, &server.service.health));
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
        () = tokio::time::sleep(FINISH_LIMIT) => tracing::warn!("requests were still running"),
        _ = terminate.recv() => tracing::warn!("ended at once by a second SIGTERM"),
    }
    Ok(())
}

/// Ready when the listener should close: a while after SIGTERM, in which `/readyz` is
/// 503 and everything else goes on, or as soon as a second signal insists.
async fn stop(terminate: &mut Signal, interrupt: &mut Signal, drain: Duration, health: &Health) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => return health.start_draining(),
    }
    health.start_draining();
    tracing::info!(seconds = drain.as_secs(), "draining");
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
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
    /// Drops the body, then answers. Probes come many times a second and leave no line.
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if Limited::new(body, LARGEST_BODY_BYTES).collect().await.is_err() {
            let mut response = refused(Refusal::ContentTooLarge, None, &head.headers);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        let request = Request::from_parts(head, Body::empty());
        if matches!(request.uri().path(), HEALTHZ | READYZ) {
            call(&self.probes, request).await
        } else {
            self.service.answer(request).await
        }
    }
}
