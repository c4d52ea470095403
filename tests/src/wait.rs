//! Free ports, and waiting with a time limit.

use std::{
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Below the ephemeral ports, which the kernel assigns to connections and listeners on port 0.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// A free local port; each call returns another one.
pub fn free_port() -> u16 {
    // Another test process starts at another port.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| (std::process::id() % 1_000 * 101).into());
    let mut ports = PORTS.map(|_| {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        u16::try_from(PORTS.start + offset).expect("65,535 at most")
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

/// A listener on a free local port, and the port.
pub fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// Repeats `attempt` until it returns a value; panics after `limit`. `what` is for the message.
pub fn until<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {} s without success: {what}", limit.as_secs());
        thread::sleep(POLL_INTERVAL);
    }
}
