//! The connections of a store: at most so many, and none of them waited for in vain.
//!
//! Why not sqlx's own pool: it says goodbye to a connection that it gives up, and asks
//! each one that is given back whether it lives. On a connection that the network has
//! forgotten, as happens while a process is frozen, both wait without a bound, and hold
//! the place of the connection that would replace it.

use std::{
    fmt, io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use sqlx::Connection;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How long to wait for a place, and how long for a new connection.
const LIMIT: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked whether it still lives before a
/// statement is trusted to it.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
const PING_LIMIT: Duration = Duration::from_millis(500);

pub(super) struct Connections<C: Connection> {
    options: C::Options,
    places: Semaphore,
    /// With the time of its last use, by the wall clock: monotonic time stands still
    /// while a process is frozen.
    idle: Mutex<Vec<(C, SystemTime)>>,
}

impl<C: Connection> Connections<C> {
    /// Nothing is connected yet.
    pub(super) fn new(options: C::Options, places: u32) -> Self {
        let places = Semaphore::new(places as usize);
        Self { options, places, idle: Mutex::default() }
    }

    /// A connection for one statement or transaction.
    pub(super) async fn lease(&self) -> Result<Lease<'_, C>, sqlx::Error> {
        let place = timeout(LIMIT, self.places.acquire()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        match self.living().await {
            Some(connection) => Ok(Lease { connection, connections: self, place, new: false }),
            None => self.connect(place).await,
        }
    }

    async fn connect<'a>(
        &'a self,
        place: SemaphorePermit<'a>,
    ) -> Result<Lease<'a, C>, sqlx::Error> {
        let connection = timeout(LIMIT, C::connect_with(&self.options)).await;
        let connection = connection.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(Lease { connection, connections: self, place, new: true })
    }

    /// The idle connection that was used last, if it can be trusted.
    async fn living(&self) -> Option<C> {
        let (mut connection, used) = self.idle().pop()?;
        if used.elapsed().is_ok_and(|idle| idle <= TRUSTED_IDLE) {
            return Some(connection);
        }
        if matches!(timeout(PING_LIMIT, connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        self.forget_idle();
        None
    }

    /// What ended one connection has ended the others, or they can be made again.
    fn forget_idle(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(C, SystemTime)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The options hold the password.
impl<C: Connection> fmt::Debug for Connections<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// A connection in use. It is dropped with the lease, without a goodbye, unless it is
/// kept: after an error or a time-out nobody knows what is still on its way.
pub(super) struct Lease<'a, C: Connection> {
    pub(super) connection: C,
    connections: &'a Connections<C>,
    place: SemaphorePermit<'a>,
    new: bool,
}

impl<C: Connection> Lease<'_, C> {
    /// Whether the connection was made for this lease, so that an error is no news
    /// from the past.
    pub(super) fn is_new(&self) -> bool {
        self.new
    }

    /// The same lease with a new connection.
    pub(super) async fn renew(self) -> Result<Self, sqlx::Error> {
        self.connections.forget_idle();
        self.connections.connect(self.place).await
    }

    /// Gives the connection back for the next lease.
    pub(super) fn keep(self) {
        self.connections.idle().push((self.connection, SystemTime::now()));
        drop(self.place);
    }
}
