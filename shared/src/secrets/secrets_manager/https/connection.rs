//! A connection, and for how long it is used.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    body::Bytes,
    http::{Request, Response, Uri},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::NoAnswer;

/// A secret has 64 KiB at most; as JSON it may grow.
const MAX_ANSWER_BYTES: usize = 512 * 1024;
/// The next call of one fetch comes at once. Longer ago, as after a freeze, the other side
/// may have gone without a word.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// No connection lives on: a fetch has ended by then, and the next one is minutes away.
const LIFE: Duration = Duration::from_secs(10);

/// An open connection that speaks HTTP/1.1.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(super) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, NoAnswer> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender. What goes wrong with it, the sender is told.
        tokio::spawn(timeout(LIFE, connection));
        Ok(Self { sender })
    }

    /// Sends `request` and reads all of the answer.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let (head, body) = self.sender.send_request(request.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(NoAnswer::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

/// The connection of the last answer, if nobody has taken it.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Idle>>>);

#[derive(Debug)]
struct Idle {
    uri: Uri,
    connection: Connection,
    since: SystemTime,
}

impl Kept {
    /// The connection to the server of `uri`, if it is fresh and the server has not closed it.
    pub(super) async fn take(&self, uri: &Uri) -> Option<Connection> {
        let idle = self.slot().take()?;
        let same = (idle.uri.scheme(), idle.uri.authority()) == (uri.scheme(), uri.authority());
        let fresh = idle.since.elapsed().is_ok_and(|age| age < TRUSTED_IDLE);
        let mut connection = (same && fresh).then_some(idle.connection)?;
        connection.sender.ready().await.ok()?;
        Some(connection)
    }

    pub(super) fn keep(&self, uri: &Uri, connection: Connection) {
        let idle = Idle { uri: uri.clone(), connection, since: SystemTime::now() };
        *self.slot() = Some(idle);
    }

    fn slot(&self) -> MutexGuard<'_, Option<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Kept {
    pub(super) fn is_open(&self) -> bool {
        self.slot().as_ref().is_some_and(|idle| !idle.connection.sender.is_closed())
    }

    pub(super) fn grow_older(&self, by: Duration) {
        self.slot().as_mut().expect("one is kept").since -= by;
    }
}
