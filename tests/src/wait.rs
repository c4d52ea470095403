//! Waiting with a bound.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(10);

/// Below those that the kernel gives to connections and to listeners on port 0, which would
/// take one before the service does that it is meant for.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// A free port of the loopback interface, and each time another one.
pub fn free_port() -> u16 {
    static USED: AtomicU32 = AtomicU32::new(0);
    // Tests of another process begin elsewhere.
    let first = std::process::id().wrapping_mul(101);
    let ports = PORTS.map(|_| {
        let used = USED.fetch_add(1, Ordering::Relaxed);
        PORTS.start + first.wrapping_add(used) % (PORTS.end - PORTS.start)
    });
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

/// Whether a server accepts connections on this port of the loopback interface.
pub fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// What `attempt` gives, once it gives something, within `limit`; `what` is for messages.
pub fn until<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {} s in vain: {what}", limit.as_secs());
        thread::sleep(PAUSE);
    }
}
