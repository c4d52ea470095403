//! The limits of time on a clock that stands still, and goes on when nothing else can.

#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

use std::sync::Arc;

use axum::{Router, http::StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Duration, Instant, sleep},
};

use super::{
    Front,
    connection::{self, Server},
    listen,
    places::Places,
};
use crate::{
    keys::Keys,
    serve::{Health, Service},
};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);
// What the documentation promises, and not what the code happens to say.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const IDLE_LIMIT: Duration = Duration::from_mins(1);
const LAST_CALL: Duration = SECOND;

/// A service that answers with 204.
fn server() -> Server {
    let keys = Arc::new(Keys::read(&"a key that no test here ever uses".into()).unwrap());
    let router = Router::new().fallback(async || StatusCode::NO_CONTENT);
    Server::new(Service::new(router, Health::new(keys.into(), None)))
}

struct Connection {
    client: DuplexStream,
    server: JoinHandle<()>,
    close: watch::Sender<()>,
    since: Instant,
}

impl Connection {
    fn new(buffer: usize) -> Self {
        let (client, stream) = duplex(buffer);
        let close = watch::Sender::new(());
        let server = tokio::spawn(connection::serve(
            stream,
            server(),
            Arc::default(),
            HEAD_LIMIT,
            close.subscribe(),
        ));
        Self { client, server, close, since: Instant::now() }
    }

    fn open() -> Self {
        Self::new(64 * 1024)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// The next answer, as its status line and headers.
    async fn answer(&mut self) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(self.client.read_u8().await.expect("an answer"));
        }
        String::from_utf8(text).unwrap()
    }

    async fn assert_answered(&mut self) {
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        self.since = Instant::now();
    }

    /// Nothing more comes, and the connection ends this long after the last answer.
    async fn assert_cut_after(mut self, limit: Duration) {
        let mut rest = Vec::new();
        let _ = self.client.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        let elapsed = self.since.elapsed();
        assert!((limit..limit + SECOND / 10).contains(&elapsed), "{elapsed:?}, not {limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_on_which_nothing_comes_is_cut_after_the_limit_of_a_head() {
    Connection::open().assert_cut_after(HEAD_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_cut_after_the_limit_of_a_head() {
    let mut connection = Connection::open();
    for byte in &HEAD[..5] {
        connection.send(&[*byte]).await;
        sleep(SECOND - SECOND / 100).await;
    }
    connection.assert_cut_after(HEAD_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_idle_between_two_requests_for_a_minute_and_no_longer() {
    let mut connection = Connection::open();
    for _ in 0..3 {
        connection.send(HEAD).await;
        connection.assert_answered().await;
        sleep(IDLE_LIMIT - SECOND).await;
    }
    connection.assert_cut_after(IDLE_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_later_head_has_its_limit_from_its_first_byte() {
    let mut connection = Connection::open();
    connection.send(HEAD).await;
    connection.assert_answered().await;
    sleep(IDLE_LIMIT - SECOND).await;
    connection.send(b"G").await;
    sleep(HEAD_LIMIT - SECOND).await;
    connection.send(&HEAD[1..]).await;
    connection.assert_answered().await;

    sleep(10 * SECOND).await;
    for byte in &HEAD[..5] {
        connection.send(&[*byte]).await;
        sleep(SECOND - SECOND / 100).await;
    }
    connection.assert_cut_after(10 * SECOND + HEAD_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_behind_a_body_may_be_idle_as_long() {
    let mut connection = Connection::open();
    connection.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n").await;
    connection.assert_answered().await;
    connection.send(b"abc").await;
    sleep(IDLE_LIMIT - SECOND).await;
    connection.send(HEAD).await;
    connection.assert_answered().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_keeps_no_answer_back() {
    let mut connection = Connection::open();
    connection.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n").await;
    let sent = Instant::now();
    connection.assert_answered().await;
    assert_eq!(sent.elapsed(), Duration::ZERO);
    // The client still gets to read its answer.
    connection.assert_cut_after(5 * SECOND).await;
}

/// A client that sends requests and takes no answers, whose way back is full.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let mut connection = Connection::new(HEAD.len());
    connection.send(HEAD).await;
    tokio::time::timeout(10 * SECOND, &mut connection.server).await.unwrap().unwrap();
    assert_eq!(connection.since.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_on_its_way_when_the_listener_closed_is_the_last_one_answered() {
    let mut connection = Connection::open();
    connection.close.send_replace(());
    sleep(LAST_CALL / 2).await;
    connection.send(HEAD).await;
    connection.assert_answered().await;
    connection.assert_cut_after(LAST_CALL / 2).await;
}

#[tokio::test]
async fn who_was_in_the_queue_when_the_listener_closed_is_answered() {
    let front = Front {
        listener: listen(([127, 0, 0, 1], 0).into()).unwrap(),
        server: server(),
        places: Places::new(2),
        close: watch::Sender::new(()),
        waiting: std::sync::Mutex::default(),
    };
    let address = front.listener.local_addr().unwrap();
    // The system has accepted it, and nobody else yet.
    let mut client = TcpStream::connect(address).await.unwrap();
    let _close = front.stop_listening();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    client.write_all(HEAD).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
}
