//! Bodies of requests: ignored, and never waited for.
//!
//! Neither function wants one, but they come all the same. A gateway may send the head of its
//! client's request to `validate`, `Content-Length` included, with the body still to come, or
//! never; and a client of `login` that announces a body and never sends it would hold one of
//! the few requests that its instance takes at once. So the answer goes out as soon as it is
//! known, whatever was announced (RFC 9112 sections 9.3 and 9.6).

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Bytes, HttpBody},
    http::{HeaderMap, header::EXPECT},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::socket::Progress;

/// How much of a body is read and dropped, so that the connection can be used again.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long that may take.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// Whether the connection can be used again behind this body. A client that asks before it
/// sends a body (`Expect: 100-continue`) may not send it once it has its answer, and where its
/// next request begins could not be told.
pub(super) fn is_worth_reading(body: &Incoming, head: &HeaderMap) -> bool {
    body.size_hint().lower() <= MAX_BODY_BYTES as u64 && !head.contains_key(EXPECT)
}

/// Reads a body beside its answer, and drops it. Of one that is too large or too slow the rest
/// is left, and hyper closes the connection behind the answer, as after an error.
pub(super) async fn read(mut body: Incoming, progress: Arc<Progress>) {
    let read = async {
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return };
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > MAX_BODY_BYTES {
                return;
            }
        }
        progress.reset();
    };
    let _ = timeout(BODY_LIMIT, read).await;
}
