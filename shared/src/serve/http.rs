//! HTTP/1.1 on a listener, for Knative, Kubernetes and a laptop. Every caller speaks 1.1.

mod connection;
mod connection_limit;
mod metrics;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, header::CONNECTION},
    response::Response,
};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{
    ServeError, Service, call,
    health::{HEALTHZ, READYZ},
};
use crate::{
    client_address::PeerAddress,
    telemetry::{RepeatedWarning, metrics::Exporter},
};
use connection_limit::{ConnectionLimit, Permit, acquire};

/// How long all may take from SIGTERM to the end: Kubernetes kills after 30 s.
const END_LIMIT: Duration = Duration::from_secs(25);
/// How long connections are kept once the listener is closed, for what was already sent.
const LAST_CALL: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted, if the system allows as many. More try again later.
const QUEUE: u32 = 4096;
/// After a failed accept, such as for want of memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// SIGTERM and SIGINT, as they come. Called before anything that takes time: as the first process of
/// a container, one without handlers would not be ended by them.
pub(super) fn signals() -> Result<UnboundedReceiver<SignalKind>, ServeError> {
    let (sender, receiver) = unbounded_channel();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let failed = |error| ServeError::Other(format!("cannot handle signals: {error}"));
        let (mut signal, sender) = (signal(kind).map_err(failed)?, sender.clone());
        tokio::spawn(
            async move { while signal.recv().await.is_some() && sender.send(kind).is_ok() {} },
        );
    }
    Ok(receiver)
}

/// Serves on `address` until SIGTERM and the time `drain` after it, or until SIGINT: a person at a
/// terminal does not want to wait. Another signal ends it at once, whatever runs.
pub(super) async fn serve(
    service: Service,
    address: SocketAddr,
    drain: Duration,
    max_connections: usize,
    exporter: Exporter,
    mut signals: UnboundedReceiver<SignalKind>,
) -> Result<(), ServeError> {
    let socket = listen(address)?;
    let server = Server::new(service, max_connections);
    // Ends with this function, and not before: what is done while draining counts as well.
    let _metrics = if let Exporter::Prometheus(address, handle) = exporter {
        let serve = metrics::serve(listen(address)?, handle, Arc::clone(&server));
        Some(AbortOnDropHandle::new(tokio::spawn(serve)))
    } else {
        None
    };
    if let Ok(address) = socket.local_addr() {
        tracing::info!(%address, "listening");
    }
    let stop = tokio::select! {
        stop = signals.recv() => stop,
        never = server.accept(&socket) => match never {},
    };
    let end = Instant::now() + END_LIMIT;
    server.service.health.start_draining();
    let finish = async {
        if stop == Some(SignalKind::terminate()) {
            tracing::info!(seconds = drain.as_secs(), "draining");
            let Err(_over) = timeout(drain, server.accept(&socket)).await;
        }
        server.stop(socket);
        if timeout(LAST_CALL, server.connections.wait()).await.is_err() {
            server.limit.close.cancel();
            if timeout_at(end, server.connections.wait()).await.is_err() {
                tracing::warn!("requests were still running");
            }
        }
    };
    tokio::select! {
        () = finish => {}
        _ = signals.recv() => tracing::warn!("ended at once by another signal"),
    }
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Over connections of the process before this one.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(QUEUE)
    };
    let hint = "set HOST and PORT, or METRICS_PORT, to a free address";
    let failed = |error: io::Error| format!("cannot listen on {address}: {error}; {hint}");
    listen().map_err(|error| ServeError::Other(failed(error)))
}

/// The next connection. Where one cannot be accepted, it is tried again.
async fn accept(socket: &TcpListener, failed: &RepeatedWarning) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                if let Some(times) = failed.due() {
                    tracing::warn!(%error, times, "a connection could not be accepted");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What all connections share.
struct Server {
    service: Service,
    probes: Router,
    limit: Arc<ConnectionLimit>,
    connections: TaskTracker,
}

impl Server {
    fn new(service: Service, max_connections: usize) -> Arc<Self> {
        Arc::new(Self {
            probes: service.health.clone().router(),
            service,
            limit: ConnectionLimit::new(max_connections),
            connections: TaskTracker::new(),
        })
    }

    /// Accepts while there are permits; other connections wait in the queue of the system.
    async fn accept(self: &Arc<Self>, socket: &TcpListener) -> Infallible {
        let failed = RepeatedWarning::default();
        loop {
            let probe = acquire(&self.limit.for_probes).await;
            let (stream, peer) = accept(socket, &failed).await;
            let permit = self.limit.regular();
            let permit = permit.unwrap_or_else(|| self.limit.for_probes(probe));
            self.spawn(stream, peer, permit);
        }
    }

    /// Accepts what is in the queue, and closes the listener right behind the last one.
    fn stop(self: &Arc<Self>, socket: TcpListener) {
        self.connections.close();
        let Ok(socket) = socket.into_std() else { return };
        while let Some(permit) = self.limit.regular() {
            match socket.accept() {
                Ok((stream, peer)) => {
                    let stream = stream.set_nonblocking(true).map(|()| stream);
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        self.spawn(stream, peer, permit);
                    }
                }
                Err(error) => match error.kind() {
                    // Of the connection that would have been next, and not of the listener.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => break,
                },
            }
        }
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, permit: Permit) {
        // Answers are one small packet each; there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(self);
        self.connections.spawn(async move {
            let answer = |request| server.answer(request, &permit, peer.ip());
            let mut connection = pin!(connection::serve(stream, &permit.progress, answer));
            tokio::select! {
                biased;
                () = &mut connection => {}
                () = permit.upgraded() => connection.await,
            }
        });
    }

    async fn answer(&self, request: Request<Incoming>, permit: &Permit, peer: IpAddr) -> Response {
        let (mut head, body) = request.into_parts();
        head.extensions.insert(PeerAddress(peer));
        let is_probe = matches!(head.uri.path(), HEALTHZ | READYZ);
        let is_discarded = connection::discard(body, &head.headers, &permit.progress);
        let request = Request::from_parts(head, Body::empty());
        let mut response = if is_probe {
            // Probes come many times a second and leave no line.
            call(&self.probes, request).await
        } else if permit.is_for_all().await {
            self.service.answer(request, None).await
        } else {
            self.service.refuse(request, "all connections are taken").await
        };
        if !is_discarded || permit.is_for_probes() || self.service.health.is_draining() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
