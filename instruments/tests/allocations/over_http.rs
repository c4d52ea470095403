//! The same over HTTP: whole processes in threads, and a client that allocates nothing.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use axum::{body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use instruments::hot_path;
use shared::{config::Variables, serve::run_in};
use tower::ServiceExt;
use validate::Validate;

use crate::{REQUESTS, WARM_UP, of_each};

/// Answers of a request are shorter.
const BUFFER: usize = 4096;

/// Allocations of one request to `validate` under HS256, and of one to the bare service.
pub(crate) fn allocations() -> [u64; 2] {
    [function(), bare()].map(|address| {
        let mut connection = connect(address);
        let request = hot_path::head();
        let answer = ask(&mut connection, &request);
        (0..WARM_UP).for_each(|_| assert_eq!(ask(&mut connection, &request), answer));
        of_each(|| (0..REQUESTS).for_each(|_| assert_eq!(ask(&mut connection, &request), answer)))
    })
}

/// As its `main` runs it.
fn function() -> SocketAddr {
    // Free now, and for the moment.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let port = address.port().to_string();
    thread::spawn(move || {
        let variables = [("HOST", "127.0.0.1"), ("PORT", &port), ("JWT_SECRET", hot_path::SECRET)];
        run_in::<Validate>(&Given(variables.into()))
    });
    address
}

/// Variables of a process.
struct Given<'a>(BTreeMap<&'a str, &'a str>);

impl Variables for Given<'_> {
    fn get(&self, name: &str) -> Option<OsString> {
        self.0.get(name).map(OsString::from)
    }
}

/// As `axum::serve` does it, but for its features, which nothing else here needs.
fn bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener for Tokio");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let (stream, _) = listener.accept().await.expect("a connection");
            let router = hot_path::bare();
            let service = service_fn(|request: Request<Incoming>| {
                router.clone().oneshot(request.map(Body::new))
            });
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        })
    });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    for _ in 0..500 {
        if let Ok(connection) = TcpStream::connect(address) {
            let limit = Some(Duration::from_secs(10));
            connection.set_read_timeout(limit).expect("a limit");
            return connection;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody listens on {address}");
}

/// Sends the request. How long its answer was, which has to be a 200.
fn ask(connection: &mut TcpStream, request: &[u8]) -> usize {
    connection.write_all(request).expect("the request is sent");
    let (mut buffer, mut length) = ([0; BUFFER], 0);
    loop {
        let read = connection.read(&mut buffer[length..]).expect("an answer");
        assert_ne!(read, 0, "the whole answer");
        length += read;
        // The end of the claims, which are an object.
        if buffer[..length].ends_with(b"}") {
            assert!(buffer.starts_with(b"HTTP/1.1 200"));
            return length;
        }
    }
}
