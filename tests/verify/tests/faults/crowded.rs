//! A database that is there and refuses.

use std::{
    io::Read,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use system_tests::{tcp_proxy::TcpProxy, wait};

use super::*;

/// Somebody who takes every connection that the server has, and keeps it.
struct Hog {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Hog {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut held = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                held.extend(greeted(port));
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { stop, thread }
    }

    fn free(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic");
    }
}

/// A connection that the server gives: one that waits for us to say who we are.
fn greeted(port: u16) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    // Length and number of the packet, then the version of the protocol, or 255 for an
    // error such as "Too many connections".
    let mut packet = [0; 5];
    stream.read_exact(&mut packet).ok()?;
    (packet[4] == 10).then_some(stream)
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_database_without_free_connections_is_a_503() {
    let _alone = alone();
    let server = server();
    // Those who have not said who they are may stay a while.
    server.sql("SET GLOBAL max_connections = 10; SET GLOBAL connect_timeout = 600");
    let proxy = TcpProxy::start(server.port());
    let functions = Functions::behind(&proxy, &server);
    let observation = functions.observe("max_connections taken by another client");
    let hog = Hog::start(server.port());
    wait::until("the fault is felt", Duration::from_secs(20), || {
        proxy.cut_all();
        observation.is_felt().then_some(())
    });
    observation.suffer();
    hog.free();
    observation.recover(Seen::Failures);
}

/// As while a primary is replaced. A failure that cannot be counted must not be possible.
#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_database_that_takes_no_writes_is_a_503() {
    let _alone = alone();
    let server = server();
    let functions = Functions::start(&with_key(server.login_variables()));
    let observation = functions.observe("MariaDB read-only");
    server.sql("SET GLOBAL read_only = 1");
    observation.suffer();
    server.sql("SET GLOBAL read_only = 0");
    observation.recover(Seen::Failures);
}
