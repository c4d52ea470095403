//! A TCP proxy that does what networks do: connections stall without being closed, are
//! cut, become slow, or nothing gets through at all.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// All connections share one switch until the next ones get another.
type Switch = Arc<AtomicBool>;

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
    healed: Condvar,
}

#[derive(Default)]
struct State {
    /// What was connected since the last time that connections stalled or were cut.
    stalled: Switch,
    streams: Vec<TcpStream>,
    delay: Duration,
    black_hole: bool,
    /// Connections that keep the listener's queue full.
    queued: Vec<TcpStream>,
}

impl TcpProxy {
    /// A proxy in front of a port of the loopback interface.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, healed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { listener, target, state, healed });
        let acceptor = Arc::clone(&shared);
        thread::spawn(move || {
            for client in acceptor.listener.incoming().flatten() {
                acceptor.wait_until_healed();
                connect(&acceptor, client);
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

    /// From now on packets vanish: those of connections, which go on after [`heal`], and
    /// those with which connections begin.
    ///
    /// # Panics
    ///
    /// If the listener's queue cannot be filled.
    ///
    /// [`heal`]: Self::heal
    pub fn black_hole(&self) {
        self.shared.state().black_hole = true;
        // The kernel accepts for the listener as long as its queue has room.
        rustix::net::listen(&self.shared.listener, 0).expect("it listens");
        let queued = (0..=BACKLOG)
            .map_while(|_| TcpStream::connect_timeout(&self.address, CONNECT_LIMIT).ok());
        let queued: Vec<_> = queued.collect();
        assert!(queued.len() < BACKLOG as usize, "the queue has no end");
        self.shared.state().queued = queued;
    }

    /// Everything gets through again.
    ///
    /// # Panics
    ///
    /// If the listener is gone.
    pub fn heal(&self) {
        rustix::net::listen(&self.shared.listener, BACKLOG).expect("it listens");
        let mut state = self.shared.state();
        state.queued.clear();
        state.delay = Duration::ZERO;
        state.black_hole = false;
        self.shared.healed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_healed(&self) {
        let healed = self.healed.wait_while(self.state(), |state| state.black_hole);
        drop(healed);
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.target)) else { return };
    let copy = |stream: &TcpStream| {
        let _ = stream.set_nodelay(true);
        stream.try_clone().expect("a socket can be shared")
    };
    let back = (copy(&server), copy(&client));
    let stalled = {
        let mut state = shared.state();
        state.streams.extend([copy(&client), copy(&server)]);
        Arc::clone(&state.stalled)
    };
    for (from, to) in [(client, server), back] {
        let (shared, stalled) = (Arc::clone(shared), Arc::clone(&stalled));
        thread::spawn(move || forward(&shared, from, to, &stalled));
    }
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
