//! A TCP proxy that does what networks do: connections stall without being closed, are
//! cut, become slow, or nothing gets through at all.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Ends with the test process; until then it waits for connections.
pub struct TcpProxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How often all connections were stalled.
    stalls: usize,
    streams: Vec<TcpStream>,
    delay: Duration,
    black_hole: bool,
}

impl TcpProxy {
    /// A proxy in front of a port of the loopback interface.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let state = Arc::default();
        let proxy = Self { port, state: Arc::clone(&state) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                wait_until_healed(&state);
                // A server that is not there ends the connection.
                let _ = connect(&state, client, target);
            }
        });
        proxy
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing gets through on any connection made so far, not even its end;
    /// later ones work.
    pub fn stall_all(&self) {
        let mut state = lock(&self.state);
        state.stalls += 1;
        state.streams.clear();
    }

    /// Ends every connection made so far.
    pub fn cut_all(&self) {
        for stream in lock(&self.state).streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on every packet takes so long, in either direction.
    pub fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// From now on nothing gets through, on no connection, old or new, until [`heal`](Self::heal).
    pub fn black_hole(&self) {
        lock(&self.state).black_hole = true;
    }

    /// Everything gets through again, at once.
    pub fn heal(&self) {
        let mut state = lock(&self.state);
        state.delay = Duration::ZERO;
        state.black_hole = false;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_until_healed(state: &Mutex<State>) {
    while lock(state).black_hole {
        thread::sleep(Duration::from_millis(5));
    }
}

fn connect(state: &Arc<Mutex<State>>, client: TcpStream, target: u16) -> std::io::Result<()> {
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

fn forward(state: &Mutex<State>, mut from: TcpStream, mut to: TcpStream, stalls: usize) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let delay = lock(state).delay;
        thread::sleep(delay);
        wait_until_healed(state);
        if lock(state).stalls == stalls && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    wait_until_healed(state);
    if lock(state).stalls == stalls {
        for stream in [&from, &to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
