//! A TCP proxy whose connections can be made to stall without being closed, as a
//! network does that has forgotten them.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// All connections share one switch until the next ones get another.
type Switch = Arc<AtomicBool>;

/// Ends with the test process; until then it waits for connections.
pub(crate) struct StallingProxy {
    port: u16,
    current: Arc<std::sync::Mutex<Switch>>,
}

impl StallingProxy {
    /// A proxy in front of a port of the loopback interface.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let current = Arc::new(std::sync::Mutex::new(Switch::default()));
        let switch = Arc::clone(&current);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let stalled = Arc::clone(&switch.lock().unwrap());
                connect(client, target, &stalled);
            }
        });
        Self { port, current }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing gets through on any connection made so far; later ones work.
    pub(crate) fn stall_all(&self) {
        std::mem::take(&mut *self.current.lock().unwrap()).store(true, Ordering::SeqCst);
    }
}

fn connect(client: TcpStream, target: u16, stalled: &Switch) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    for (from, to) in [(client, server), back] {
        let stalled = Arc::clone(stalled);
        thread::spawn(move || forward(from, to, &stalled));
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, stalled: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !stalled.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if !stalled.load(Ordering::SeqCst) {
        let _ = to.shutdown(Shutdown::Both);
    }
}
