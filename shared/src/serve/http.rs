//! The HTTP/1.1 server, for Knative, Kubernetes and local work. Every caller speaks HTTP/1.1.

mod connection;
mod connection_limit;
mod metrics;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    io::{
        self,
        ErrorKind::{ConnectionAborted, Interrupted},
    },
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
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{
        OwnedSemaphorePermit,
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{
    ServeError, Service, call,
    health::{HEALTHZ, READYZ},
};
use crate::{
    client_address::PeerAddress,
    respond::unavailable,
    telemetry::{RepeatedWarning, RequestLog, metrics::Exporter},
};
use connection_limit::{ConnectionLimit, Permit, acquire};

/// From SIGTERM to the exit: Kubernetes kills after 30 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);
/// How long idle connections stay open after the listener is closed, for requests on their way.
const GRACE_PERIOD: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted, as far as `net.core.somaxconn` allows.
const BACKLOG: u32 = 4096;
/// After a failed accept, such as without free memory.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Receives SIGTERM and SIGINT. Called first of all: without handlers, the first process of a
/// container ignores both.
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

/// Serves on `address`. SIGTERM drains for `drain` first, SIGINT shuts down without draining, and a
/// second signal ends it at once.
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
    // Until the end, so that requests during draining are counted as well.
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
    let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
    server.service.health.draining.cancel();
    let finish = async {
        if stop == Some(SignalKind::terminate()) {
            tracing::info!(seconds = drain.as_secs(), "draining");
            let Err(_elapsed) = timeout(drain, server.accept(&socket)).await;
        }
        server.stop(socket);
        if timeout(GRACE_PERIOD, server.connections.wait()).await.is_err() {
            server.limit.close.cancel();
            if timeout_at(deadline, server.connections.wait()).await.is_err() {
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
        // While connections of a previous process are in TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    let hint = "set HOST and PORT, or METRICS_PORT, to a free address";
    let failed = |error: io::Error| format!("cannot listen on {address}: {error}; {hint}");
    listen().map_err(|error| ServeError::Other(failed(error)))
}

/// The next connection; a failed accept is retried.
async fn accept(socket: &TcpListener, failed: &RepeatedWarning) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                if let Some(times) = failed.due() {
                    tracing::warn!(%error, times, "a connection could not be accepted");
                }
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

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

    /// Accepts while there are permits; other connections wait in the backlog.
    async fn accept(self: &Arc<Self>, socket: &TcpListener) -> Infallible {
        let failed = RepeatedWarning::default();
        loop {
            let reserved = acquire(&self.limit.reserved).await;
            let (stream, peer) = accept(socket, &failed).await;
            self.spawn(stream, peer, reserved);
        }
    }

    /// Accepts the connections in the backlog, and closes the listener right after the last one.
    fn stop(self: &Arc<Self>, socket: TcpListener) {
        self.connections.close();
        let Ok(socket) = socket.into_std() else { return };
        while let Ok(reserved) = Arc::clone(&self.limit.reserved).try_acquire_owned() {
            match socket.accept() {
                Ok((stream, peer)) => {
                    let stream = stream.set_nonblocking(true).map(|()| stream);
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        self.spawn(stream, peer, reserved);
                    }
                }
                // An error of one connection, not of the listener.
                Err(error) if matches!(error.kind(), ConnectionAborted | Interrupted) => {}
                Err(_) => break,
            }
        }
    }

    /// Serves a connection, which holds `reserved` until it has a regular permit.
    fn spawn(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        reserved: OwnedSemaphorePermit,
    ) {
        // Each response is one small packet.
        let _ = stream.set_nodelay(true);
        let (server, permit) = (Arc::clone(self), self.limit.permit());
        let reserved = permit.is_reserved().then_some(reserved);
        self.connections.spawn(async move {
            let handler = |request| server.handle(request, &permit, peer.ip());
            let mut connection = pin!(connection::serve(stream, &permit.progress, handler));
            tokio::select! {
                biased;
                () = &mut connection => {}
                () = permit.upgrade() => {
                    drop(reserved);
                    connection.await;
                }
            }
        });
    }

    async fn handle(&self, mut request: Request<Body>, permit: &Permit, peer: IpAddr) -> Response {
        request.extensions_mut().insert(PeerAddress(peer));
        let mut response = if matches!(request.uri().path(), HEALTHZ | READYZ) {
            // Probes are frequent, and not logged.
            call(&self.probes, request).await
        } else if permit.upgrade_in_time().await {
            self.service.handle(request, None).await
        } else {
            let log = RequestLog::start(&request, self.service.counter);
            log.finish(unavailable("all connections are taken", request.headers()))
        };
        if permit.is_reserved() || self.service.health.draining.is_cancelled() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
