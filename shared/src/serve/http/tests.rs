//! The limits of time on a clock that stands still, and goes on when nothing else can.

#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

use axum::{http::StatusCode, response::IntoResponse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
};

use tokio_util::sync::CancellationToken;

use super::{progress::Progress, *};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const BODY_HEAD: &[u8] = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);
// What the documentation promises, and not what the code happens to say.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// A connection on which every request is answered with 204.
struct Connection {
    client: DuplexStream,
    server: JoinHandle<()>,
    since: Instant,
}

impl Connection {
    fn new(buffer: usize) -> Self {
        let (client, stream) = duplex(buffer);
        let progress = Progress::new(HEAD_LIMIT, CancellationToken::new());
        let server = tokio::spawn(async move {
            let answer = async |request: Request<Incoming>| {
                let (head, body) = request.into_parts();
                connection::discard(body, &head.headers, &progress);
                StatusCode::NO_CONTENT.into_response()
            };
            connection::serve(stream, &progress, answer).await;
        });
        Self { client, server, since: Instant::now() }
    }

    fn open() -> Self {
        Self::new(64 * 1024)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// Five bytes, each a little less than a second after the one before.
    async fn trickle(&mut self) {
        for byte in &HEAD[..5] {
            self.send(&[*byte]).await;
            sleep(SECOND - SECOND / 100).await;
        }
    }

    async fn assert_answered(&mut self) {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(self.client.read_u8().await.expect("an answer"));
        }
        assert!(answer.starts_with(b"HTTP/1.1 204 "), "{}", String::from_utf8_lossy(&answer));
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
async fn a_first_head_that_does_not_come_or_comes_byte_by_byte_is_cut_after_its_limit() {
    Connection::open().assert_cut_after(HEAD_LIMIT).await;
    let mut connection = Connection::open();
    connection.trickle().await;
    connection.assert_cut_after(HEAD_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_idle_between_two_requests_for_a_minute_and_no_longer() {
    let mut connection = Connection::open();
    for request in [HEAD, HEAD, BODY_HEAD] {
        connection.send(request).await;
        connection.assert_answered().await;
        if request == BODY_HEAD {
            connection.send(b"abc").await;
        }
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
    connection.trickle().await;
    connection.assert_cut_after(10 * SECOND + HEAD_LIMIT).await;
}

/// Part of a head that came beside the request before has no limit of its own, and more of it has.
#[tokio::test(start_paused = true)]
async fn a_head_that_begins_behind_another_request_has_its_limit_from_the_next_byte() {
    let mut connection = Connection::open();
    connection.send(&[HEAD, &HEAD[..1]].concat()).await;
    connection.assert_answered().await;
    sleep(10 * SECOND).await;
    connection.trickle().await;
    connection.assert_cut_after(10 * SECOND + HEAD_LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_keeps_no_answer_back() {
    let mut connection = Connection::open();
    connection.send(BODY_HEAD).await;
    let sent = Instant::now();
    connection.assert_answered().await;
    assert_eq!(sent.elapsed(), Duration::ZERO);
    // The client still gets to read its answer.
    connection.assert_cut_after(5 * SECOND).await;
}

/// A client that sends a request and takes no answer, whose way back is full.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let mut connection = Connection::new(HEAD.len());
    connection.send(HEAD).await;
    timeout(10 * SECOND, &mut connection.server).await.unwrap().unwrap();
    assert_eq!(connection.since.elapsed(), 5 * SECOND);
}

#[tokio::test]
async fn a_client_in_the_queue_when_the_listener_closed_is_answered() {
    let service = Service::of_router(Router::new().fallback(async || StatusCode::NO_CONTENT));
    let socket = listen(([127, 0, 0, 1], 0).into()).ok().unwrap();
    let address = socket.local_addr().unwrap();
    let server = Server::new(service, 2);
    // The system has connected it, and it is not accepted yet.
    let mut client = TcpStream::connect(address).await.unwrap();
    server.stop(socket);
    assert!(TcpStream::connect(address).await.is_err(), "it listens no more");
    client.write_all(HEAD).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_body_is_not_taken_for_that_of_the_next_request() {
    let mut connection = Connection::open();
    connection.send(BODY_HEAD).await;
    connection.assert_answered().await;
    // The rest of the first request comes together with the head of the second one.
    connection.send(&[b"abc", BODY_HEAD].concat()).await;
    connection.assert_answered().await;
    connection.send(b"abc").await;
    sleep(IDLE_LIMIT - SECOND).await;
    connection.send(HEAD).await;
    connection.assert_answered().await;
}
