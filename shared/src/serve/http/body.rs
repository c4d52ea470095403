//! Bodies of requests: nothing here wants one, but they come all the same.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Bytes, HttpBody},
    http::{HeaderMap, header::EXPECT},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::socket::Progress;
use crate::respond::Refusal;

/// How much of a body is read and dropped.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long that may take.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// What the body of a request has to do with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Nothing: the answer comes at once. For `validate`, to which a gateway may send the
    /// head of its client's request, `Content-Length` included, with the body still to
    /// come, or never. A body of up to 64 KiB is dropped on the way, so that the
    /// connection can be used again; behind a larger one it is closed.
    Ignored,
    /// It is read and dropped before the answer, and refused if it is larger than 64 KiB
    /// or takes longer than 5 s. For `login`, whose clients send forms as they would
    /// anywhere, and listen only once they have sent all.
    ReadFirst,
}

/// Reads a body and drops it.
pub(super) async fn read(mut body: Incoming, progress: Arc<Progress>) -> Result<(), Refusal> {
    if announces_too_much(&body) {
        return Err(Refusal::ContentTooLarge);
    }
    let read = async {
        let mut bytes = 0;
        // After an error hyper closes the connection.
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > MAX_BODY_BYTES {
                return Err(Refusal::ContentTooLarge);
            }
        }
        progress.reset();
        Ok(())
    };
    timeout(BODY_LIMIT, read).await.unwrap_or(Err(Refusal::RequestTimeout))
}

/// Whether the connection can be used again behind a body that nobody waits for. Who asks
/// before it sends one may not send it once it has its answer, and nobody could tell where
/// its next request begins.
pub(super) fn is_worth_reading(body: &Incoming, head: &HeaderMap) -> bool {
    !announces_too_much(body) && !head.contains_key(EXPECT)
}

fn announces_too_much(body: &Incoming) -> bool {
    body.size_hint().lower() > MAX_BODY_BYTES as u64
}
