//! The timeouts, on Tokio's paused clock.

#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

use axum::{http::StatusCode, response::IntoResponse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{HEADER_READ_TIMEOUT, Progress},
    *,
};
use crate::{keys::Keys, secrets::Secrets, serve::App};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const BODY_HEAD: &[u8] = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);

/// A connection on which every request is answered with 204.
fn connect(buffer: usize) -> (DuplexStream, JoinHandle<()>) {
    let (client, stream) = duplex(buffer);
    let progress = Progress::new(HEADER_READ_TIMEOUT, CancellationToken::new());
    let server = tokio::spawn(async move {
        let handler = async |_| StatusCode::NO_CONTENT.into_response();
        connection::serve(stream, &progress, handler).await;
    });
    (client, server)
}

/// A script for a client, word by word: `HEAD` sends a request, `PUT` the head of a request with the
/// body `abc`, and `A+B` both at once. `drip` sends five bytes of a head, one in each second. A
/// number waits so many seconds. `answer` expects a response at once. The connection must be closed
/// `closed` seconds after the last response.
#[tokio::test(start_paused = true)]
async fn heads_bodies_and_idle_connections_have_their_timeouts() {
    for (client, closed) in [
        ("", 5),
        ("drip", 5),
        ("HEAD answer 59 HEAD answer 59 PUT answer abc 59", 60),
        // The timeout of a later head begins with its first byte,
        ("HEAD answer 59 G 4 EAD answer 10 drip", 15),
        // or, if that arrived with the request before, with the next one.
        ("HEAD+G answer 10 drip", 15),
        // The response does not wait for the body.
        ("PUT answer", 5),
        // The end of a body is not taken for the end of the next one.
        ("PUT answer abc+PUT answer abc 59 HEAD answer", 60),
    ] {
        let (mut stream, _) = connect(64 * 1024);
        let mut since = Instant::now();
        for word in client.split_whitespace() {
            if let Ok(seconds) = word.parse() {
                sleep(Duration::from_secs(seconds)).await;
            } else if word == "drip" {
                for byte in &HEAD[..5] {
                    stream.write_all(&[*byte]).await.unwrap();
                    sleep(SECOND - SECOND / 100).await;
                }
            } else if word == "answer" {
                let (mut answer, asked) = (Vec::new(), Instant::now());
                while !answer.ends_with(b"\r\n\r\n") {
                    answer.push(stream.read_u8().await.expect(client));
                }
                assert!(answer.starts_with(b"HTTP/1.1 204 "), "{client}: {answer:?}");
                assert_eq!(asked.elapsed(), Duration::ZERO, "{client}");
                since = Instant::now();
            } else {
                let parts = word.split('+').map(|part| match part {
                    "HEAD" => HEAD,
                    "EAD" => &HEAD[1..],
                    "PUT" => BODY_HEAD,
                    part => part.as_bytes(),
                });
                stream.write_all(&parts.collect::<Vec<_>>().concat()).await.unwrap();
            }
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let (elapsed, limit) = (since.elapsed(), Duration::from_secs(closed));
        assert!(rest.is_empty(), "{client}: {}", String::from_utf8_lossy(&rest));
        assert!((limit..limit + SECOND / 10).contains(&elapsed), "{client}: {elapsed:?}");
    }
}

/// The socket takes the response in two parts.
#[tokio::test(start_paused = true)]
async fn a_last_response_is_sent_whole_to_a_slow_client() {
    let (mut client, _) = connect(64);
    let head = b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    client.write_all(head).await.unwrap();
    sleep(SECOND).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() > 64 && answer.ends_with(b"\r\n\r\n"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let ((mut client, server), since) = (connect(HEAD.len()), Instant::now());
    client.write_all(HEAD).await.unwrap();
    timeout(10 * SECOND, server).await.unwrap().unwrap();
    assert_eq!(since.elapsed(), 5 * SECOND);
}

/// One client has the regular connection, and 16 have the reserved ones.
#[tokio::test]
async fn clients_in_the_backlog_when_the_listener_closes_are_answered_up_to_the_limit() {
    let keys = Keys::read(&"a key that this test never uses, of 32 bytes".into()).unwrap();
    let router = Router::new().fallback(async || StatusCode::NO_CONTENT);
    let secrets = Secrets::default();
    let app = App { router, keys: Arc::new(keys).into(), secrets, database: None };
    let socket = listen(([127, 0, 0, 1], 0).into()).ok().unwrap();
    let address = socket.local_addr().unwrap();
    let server = Server::new(Service::new(app, None, None), 1);
    // Connected by the system, and not yet accepted.
    let mut client = TcpStream::connect(address).await.unwrap();
    let _others =
        (0..17).map(|_| std::net::TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
    server.stop(socket);
    assert_eq!(server.connections.len(), 17);
    assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
    client.write_all(HEAD).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
}
