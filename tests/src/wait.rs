//! Waiting with a bound.

use std::{
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(10);

/// Below those that the kernel gives away, to connections and to listeners on port 0.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// A free port of the loopback interface, and each time another one.
pub fn free_port() -> u16 {
    // Tests of another process begin elsewhere.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| (std::process::id() % 1_000 * 101).into());
    let mut ports = PORTS.map(|_| {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        u16::try_from(PORTS.start + offset).expect("65,535 at most")
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

/// A listener on a free port of the loopback interface, and the port.
pub fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
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
