//! One connection, from its first head to its end.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, header::CONNECTION},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::timeout,
};

use super::{
    body,
    head_timer::HeadTimer,
    places::Place,
    socket::{Progress, Socket},
};
use crate::{
    client_address::PeerAddress,
    serve::{
        Service, call,
        health::{HEALTHZ, READYZ},
    },
};

/// Request line and headers together.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long a connection may be kept between two requests.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// How long a connection is kept once the listener is closed, for a request that its
/// client had already sent.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Who answers the requests of a connection.
pub(super) trait Answer: Clone + Send + Sync + 'static {
    /// The answer to one request; `progress` is reset once all of it has come.
    fn answer(
        &self,
        request: Request<Incoming>,
        progress: Arc<Progress>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Answers the requests of a connection, until its client ends it, breaks a limit, or
/// `close` is told, or it has to make room while it is idle. Its first head has `first` to come.
pub(super) async fn serve<S, A>(
    stream: S,
    server: A,
    progress: Arc<Progress>,
    first: Duration,
    mut close: watch::Receiver<()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Answer,
{
    let answer = service_fn(|request| {
        let (server, progress) = (server.clone(), Arc::clone(&progress));
        async move { Ok::<_, Infallible>(server.answer(request, progress).await) }
    });
    let connection = http1::Builder::new()
        .timer(HeadTimer::new(Arc::clone(&progress), first))
        .header_read_timeout(IDLE_LIMIT)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Socket::new(stream, Arc::clone(&progress))), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        // First: what has come is not lost to one that has to make room.
        biased;
        ended = &mut connection => ended,
        _ = close.changed() => {
            if let Ok(ended) = timeout(LAST_CALL, &mut connection).await {
                ended
            } else {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
        () = progress.idle().is_asked_to_make_room() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What every connection is answered with.
#[derive(Clone)]
pub(super) struct Server {
    parts: Arc<Parts>,
    peer: Option<PeerAddress>,
    place: Option<Arc<Place>>,
}

/// What all connections share.
struct Parts {
    service: Service,
    probes: Router,
}

impl Server {
    pub(super) fn new(service: Service) -> Self {
        let probes = service.health.clone().router();
        Self { parts: Arc::new(Parts { service, probes }), peer: None, place: None }
    }

    /// The same for the connection of this peer, at this place.
    pub(super) fn for_connection(&self, peer: PeerAddress, place: Arc<Place>) -> Self {
        let peer = self.parts.service.told_peers.then_some(peer);
        Self { parts: Arc::clone(&self.parts), peer, place: Some(place) }
    }

    pub(super) fn service(&self) -> &Service {
        &self.parts.service
    }

    /// Probes come many times a second and leave no line.
    async fn answer_head(&self, request: Request<Body>, is_probe: bool) -> Response<Body> {
        if is_probe {
            return call(&self.parts.probes, request).await;
        }
        if let Some(place) = &self.place
            && !place.is_for_all().await
        {
            return self.service().refuse(&request, "all connections are taken");
        }
        self.service().answer(request).await
    }
}

impl Answer for Server {
    async fn answer(&self, request: Request<Incoming>, progress: Arc<Progress>) -> Response<Body> {
        // A request that was sent behind the one before was there already.
        progress.idle().is_over();
        let (mut head, body) = request.into_parts();
        if let Some(peer) = self.peer {
            head.extensions.insert(peer);
        }
        let is_probe = matches!(head.uri.path(), HEALTHZ | READYZ);
        let mut last = false;
        if body.is_end_stream() {
            progress.reset();
        } else if body::is_worth_reading(&body, &head.headers) {
            tokio::spawn(body::read(body, progress));
        } else {
            last = true;
        }
        let request = Request::from_parts(head, Body::empty());
        let mut response = self.answer_head(request, is_probe).await;
        last |= self.place.as_ref().is_some_and(|place| place.is_for_probes());
        if last || self.service().health.is_draining() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
