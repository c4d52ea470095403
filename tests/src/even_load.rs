//! 500 requests a second on kept connections, until nobody listens any more.

use std::{
    io,
    net::SocketAddr,
    ops::AddAssign,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::raw::Connection;

/// Each sends fifty requests in a second.
const CLIENTS: u32 = 10;
const DISTANCE: Duration = Duration::from_millis(20);

/// What became of the requests.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Those with an answer of 200.
    pub answered: usize,
    /// Those with another one or none, where nothing was refused.
    pub lost: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.lost += other.lost;
    }
}

/// Requests under way.
#[derive(Debug)]
pub struct EvenLoad {
    clients: Vec<JoinHandle<Counts>>,
}

impl EvenLoad {
    /// Begins to send `request` to `address`.
    #[must_use]
    pub fn start(address: SocketAddr, request: &str) -> Self {
        let request: Arc<str> = request.into();
        let clients = (0..CLIENTS).map(|number| {
            let request = Arc::clone(&request);
            thread::spawn(move || send_until_refused(address, number, &request))
        });
        Self { clients: clients.collect() }
    }

    /// Waits until connections are refused.
    ///
    /// # Panics
    ///
    /// If a client did.
    #[must_use]
    pub fn until_refused(self) -> Counts {
        let mut total = Counts::default();
        for client in self.clients {
            total += client.join().expect("a client");
        }
        total
    }
}

/// Requests at even distances on a connection that is kept as long as the service says.
fn send_until_refused(address: SocketAddr, number: u32, request: &str) -> Counts {
    let mut counts = Counts::default();
    let mut next = Instant::now() + DISTANCE * number / CLIENTS;
    let mut kept = None;
    loop {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += DISTANCE;
        let mut connection = match kept.take().map_or_else(|| Connection::open(address), Ok) {
            Ok(connection) => connection,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return counts,
            Err(error) => {
                eprintln!("lost: {error}");
                counts.lost += 1;
                continue;
            }
        };
        match connection.exchange(request) {
            Ok(answer) if answer.status == 200 => {
                counts.answered += 1;
                kept = (!answer.is_last()).then_some(connection);
            }
            lost => {
                eprintln!("lost: {lost:?}");
                counts.lost += 1;
            }
        }
    }
}
