//! HTTP/1.1 on a listener, for Knative, Kubernetes and a laptop.
//!
//! No HTTP/2: every caller here speaks 1.1.

mod body;
mod connection;
mod head_timer;
mod metrics;
mod places;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use super::{ServeError, Service};
use crate::{
    client_address::PeerAddress,
    telemetry::{RepeatedWarning, metrics::Scrape},
};
use connection::Server;
use head_timer::HEAD_LIMIT;
use metrics::Metrics;
use places::{Place, Places};

/// How long all may take from SIGTERM to the end: Kubernetes kills after 30 s.
const END_LIMIT: Duration = Duration::from_secs(25);
/// Connections that wait to be accepted, where the system allows as many. Of more, each
/// tries again a second later.
const QUEUE: u32 = 4096;
/// After a failed accept, such as for want of memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// For the head of a probe, where there are no other places.
const PROBE_HEAD_LIMIT: Duration = Duration::from_millis(500);

/// SIGTERM and SIGINT. Made before anything that takes time: as the first process of a
/// container, one without handlers would not be ended by them.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Which one came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGTERM, from the supervisor of the process: finish in good order.
    Terminate,
    /// SIGINT, from a person at a terminal, who does not want to wait.
    Interrupt,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
        }
    }
}

/// The listener for requests.
pub(super) struct Door {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// How long to go on answering after SIGTERM.
    pub(super) drain: Duration,
    /// How many connections may be open at once.
    pub(super) max_connections: usize,
    /// The listener for metrics, where there is one.
    pub(super) metrics: Option<(SocketAddr, Scrape)>,
}

/// Serves until SIGTERM and the drain time after it, or until SIGINT. Another signal ends
/// it at once, whatever runs.
pub(super) async fn serve(
    service: Service,
    door: Door,
    mut signals: Signals,
) -> Result<(), ServeError> {
    let Door { address, drain, max_connections, metrics } = door;
    let listen = |address| listen(address).map_err(|error| ServeError::Listen(address, error));
    let listener = listen(address)?;
    let places = Places::new(max_connections);
    // Ends with this function, and not before: what is done while draining counts as well.
    let mut beside = JoinSet::new();
    if let Some((address, scrape)) = metrics {
        let (gauges, places) = (service.gauges.clone(), Arc::clone(&places));
        let metrics = Metrics { scrape: Arc::new(scrape), gauges, places };
        beside.spawn(metrics.serve(listen(address)?));
    }
    let server = Server::new(service);
    let (close, waiting) = (watch::Sender::new(()), Mutex::default());
    let front = Front { listener, server, places, close, waiting };
    if let Ok(address) = front.listener.local_addr() {
        tracing::info!(%address, "listening");
    }
    let stop = tokio::select! {
        stop = signals.next() => stop,
        never = front.accept() => match never {},
    };
    let end = Instant::now() + END_LIMIT;
    front.server.service().health.start_draining();
    let finish = async {
        if stop == Stop::Terminate {
            tracing::info!(seconds = drain.as_secs(), "draining");
            tokio::select! {
                () = sleep(drain) => {}
                never = front.accept() => match never {},
            }
        }
        let close = front.stop_listening();
        // To all connections; each holds its end of the channel until it is over.
        close.send_replace(());
        if timeout_at(end, close.closed()).await.is_err() {
            tracing::warn!("requests were still running");
        }
    };
    tokio::select! {
        () = finish => {}
        _ = signals.next() => tracing::warn!("ended at once by another signal"),
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Over connections of the process before this one.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Where connections come from, and what they are given.
struct Front {
    listener: TcpListener,
    server: Server,
    places: Arc<Places>,
    close: watch::Sender<()>,
    /// The one that was accepted last, while there is no place for it.
    waiting: Mutex<Option<(TcpStream, SocketAddr)>>,
}

impl Front {
    /// Accepts while there are places; others wait in the queue of the system, and one here.
    async fn accept(&self) -> Infallible {
        let failed = RepeatedWarning::default();
        loop {
            if self.waiting().is_some() {
                let place = self.places.take().await;
                if let Some((stream, peer)) = self.waiting().take() {
                    self.spawn(stream, peer, place);
                }
            }
            let place = self.places.try_take();
            match (self.listener.accept().await, place) {
                (Ok((stream, peer)), Some(place)) => self.spawn(stream, peer, place),
                // No idle connection makes room before there is another one.
                (Ok(accepted), None) => *self.waiting() = Some(accepted),
                (Err(error), _) => {
                    if let Some(times) = failed.due() {
                        tracing::warn!(%error, times, "a connection could not be accepted");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Accepts what is in the queue, whose clients take themselves for connected, and
    /// closes the listener right behind the last one.
    fn stop_listening(self) -> watch::Sender<()> {
        let waiting = self.waiting().take();
        let Self { listener, server, places, close, .. } = self;
        let mut last = Vec::new();
        if let Some((stream, peer)) = waiting
            && let Some(place) = places.try_take()
        {
            spawn(stream, peer, place, &server, &close);
        }
        if let Ok(listener) = listener.into_std() {
            while let Some(place) = places.try_take() {
                match listener.accept() {
                    Ok((stream, peer)) => last.push((stream, peer, place)),
                    Err(error) if is_of_one_connection(error.kind()) => {}
                    Err(_) => break,
                }
            }
        }
        for (stream, peer, place) in last {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                spawn(stream, peer, place, &server, &close);
            }
        }
        close
    }

    fn waiting(&self) -> MutexGuard<'_, Option<(TcpStream, SocketAddr)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        spawn(stream, peer, place, &self.server, &self.close);
    }
}

/// An error of the connection that would have been next, and not of the listener.
fn is_of_one_connection(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
}

fn spawn(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    server: &Server,
    close: &watch::Sender<()>,
) {
    // Answers are one small packet each; there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let place = Arc::new(place);
    let first_head = if place.is_for_probes() { PROBE_HEAD_LIMIT } else { HEAD_LIMIT };
    let progress = Arc::clone(place.progress());
    let server = server.for_connection(PeerAddress(peer.ip()), place);
    // With the connection ends its place.
    tokio::spawn(connection::serve(stream, server, progress, first_head, close.subscribe()));
}
