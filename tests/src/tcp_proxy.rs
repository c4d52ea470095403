//! A TCP proxy that does what networks do: connections stall without being closed, are
//! cut, become slow, or nothing gets through at all.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// For a connection that the kernel accepts at once, if it accepts any.
const CONNECT_LIMIT: Duration = Duration::from_millis(100);
const BACKLOG: i32 = 128;

/// Ends with the test process; until then it waits for connections.
pub struct TcpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    listener: TcpListener,
    target: u16,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The switch of all that was connected since connections stalled the last time.
    stalled: Arc<AtomicBool>,
    streams: Vec<TcpStream>,
    delay: Duration,
    black_hole: bool,
    /// Connections that keep the listener's queue full.
    queued: Vec<TcpStream>,
}

impl TcpProxy {
    /// A proxy in front of a port of the loopback interface.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { listener, target, state: Mutex::default() });
        let acceptor = Arc::clone(&shared);
        thread::spawn(move || {
            for client in acceptor.listener.incoming().flatten() {
                acceptor.wait_until_healed();
                // A server that is not there ends the connection.
                let _ = connect(&acceptor, client);
            }
        });
        Self { address, shared }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on nothing gets through on any connection made so far, not even its end;
    /// later ones work.
    pub fn stall_all(&self) {
        let mut state = self.shared.state();
        std::mem::take(&mut state.stalled).store(true, Ordering::SeqCst);
        state.streams.clear();
    }

    /// Ends every connection made so far.
    pub fn cut_all(&self) {
        for stream in self.shared.state().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on every packet takes so long, in either direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.state().delay = delay;
    }

    /// From now on packets vanish: those of connections, which go on after [`heal`](Self::heal),
    /// and those with which connections begin.
    pub fn black_hole(&self) {
        self.shared.state().black_hole = true;
        // The kernel accepts for the listener as long as its queue has room.
        rustix::net::listen(&self.shared.listener, 0).expect("it listens");
        let connect = |_| TcpStream::connect_timeout(&self.address, CONNECT_LIMIT).ok();
        let queued: Vec<_> = (0..=BACKLOG).map_while(connect).collect();
        assert!(queued.len() < BACKLOG as usize, "the queue has no end");
        self.shared.state().queued = queued;
    }

    /// Everything gets through again.
    pub fn heal(&self) {
        rustix::net::listen(&self.shared.listener, BACKLOG).expect("it listens");
        let mut state = self.shared.state();
        state.queued.clear();
        state.delay = Duration::ZERO;
        state.black_hole = false;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_healed(&self) {
        while self.state().black_hole {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", shared.target))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let mut state = shared.state();
    state.streams.extend([client.try_clone()?, server.try_clone()?]);
    let stalled = Arc::clone(&state.stalled);
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let (shared, stalled) = (Arc::clone(shared), Arc::clone(&stalled));
        thread::spawn(move || forward(&shared, from, to, &stalled));
    }
    Ok(())
}

fn forward(shared: &Shared, mut from: TcpStream, mut to: TcpStream, stalled: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let delay = shared.state().delay;
        thread::sleep(delay);
        shared.wait_until_healed();
        if !stalled.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    shared.wait_until_healed();
    if !stalled.load(Ordering::SeqCst) {
        for stream in [&from, &to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
