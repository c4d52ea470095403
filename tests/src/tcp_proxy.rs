//! A TCP proxy that injects network faults: it stalls, closes or delays connections.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::wait;

/// A proxy that accepts connections until the test process ends.
pub struct TcpProxy {
    /// Its port on 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How often all connections were stalled. A connection is stalled if this has changed.
    stalls: usize,
    streams: Vec<TcpStream>,
    delay: Duration,
}

impl TcpProxy {
    /// Starts a proxy in front of a local port.
    pub fn start(target: u16) -> Self {
        let (listener, port) = wait::listener();
        let proxy = Self { port, state: Arc::default() };
        let state = Arc::clone(&proxy.state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server does not listen, the client's connection is closed.
                let _ = connect(&state, client, target);
            }
        });
        proxy
    }

    /// Stops forwarding on all current connections; they stay open.
    pub fn stall_all(&self) {
        let mut state = lock(&self.state);
        state.stalls += 1;
        state.streams.clear();
    }

    /// Closes all current connections.
    pub fn cut_all(&self) {
        for stream in lock(&self.state).streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sets the delay of all data in either direction, also of data that is delayed already.
    /// With [`Duration::MAX`] nothing is forwarded, on current and new connections.
    pub fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(state: &Arc<Mutex<State>>, client: TcpStream, target: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", target))?;
    let mut locked = lock(state);
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        locked.streams.push(stream.try_clone()?);
    }
    let stalls = locked.stalls;
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let state = Arc::clone(state);
        thread::spawn(move || forward(&state, from, to, stalls));
    }
    Ok(())
}

/// Forwards data and the end of the connection, both with the delay.
fn forward(state: &Mutex<State>, mut from: TcpStream, mut to: TcpStream, stalls: usize) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).unwrap_or_default();
        let since = Instant::now();
        while since.elapsed() < lock(state).delay {
            thread::sleep(Duration::from_millis(5));
        }
        // A stalled connection stays open: its end is not forwarded.
        if lock(state).stalls == stalls && (length == 0 || to.write_all(&buffer[..length]).is_err())
        {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        }
        if length == 0 {
            return;
        }
    }
}
