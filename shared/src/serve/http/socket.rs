//! A client's socket, with the limits that hyper does not have: how long a client may
//! leave answers untaken, and what it still gets to read when its connection is closed.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Sleep, sleep},
};

/// How long a client that takes nothing of its answer is waited for.
const TAKE_LIMIT: Duration = Duration::from_secs(5);
/// How long what a client still sends is read after the last answer.
const LINGER_LIMIT: Duration = Duration::from_secs(1);

/// Whether a client is in the middle of a request: what the parts of its connection know
/// of each other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    has_begun: AtomicBool,
    idle: Idle,
}

impl Progress {
    /// Something of a request has come, and not yet all of it.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Nothing has come of the next request, or everything of this one.
    pub(super) fn reset(&self) {
        self.has_begun.store(false, Ordering::Relaxed);
    }

    fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.idle.is_over();
    }

    /// Whether the connection is between two requests.
    pub(super) fn idle(&self) -> &Idle {
        &self.idle
    }
}

/// Times are nanoseconds since then; 0 is none.
static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Since when a connection has been idle, if it is.
#[derive(Debug, Default)]
pub(super) struct Idle {
    since: AtomicU64,
    make_room: Notify,
}

impl Idle {
    /// It is from now on.
    pub(super) fn begins(&self, now: Instant) {
        let since = now.saturating_duration_since(*BASE).as_nanos();
        self.since.store(u64::try_from(since).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// Something has come.
    pub(super) fn is_over(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Since when, on a scale of its own.
    pub(super) fn since(&self) -> Option<u64> {
        Some(self.since.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// Asks it to end, once.
    pub(super) fn ask_to_make_room(&self) {
        self.is_over();
        self.make_room.notify_one();
    }

    /// Waits until it is asked to.
    pub(super) async fn is_asked_to_make_room(&self) {
        self.make_room.notified().await;
    }
}

/// The socket.
pub(super) struct Socket<S> {
    stream: S,
    progress: Arc<Progress>,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    /// Runs once the last answer was written.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self { stream, progress, stuck: None, linger: None }
    }

    /// `written`, or an error once there was none for too long.
    fn limited(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(TAKE_LIMIT)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.begin();
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limited(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// A socket that is closed while its client still sends is reset, and the reset can
    /// overtake the answer. So what comes is read a while longer (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.progress.has_begun() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER_LIMIT)));
        let mut dropped = [0; 4096];
        while linger.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
