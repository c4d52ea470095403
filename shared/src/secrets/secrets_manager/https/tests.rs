use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::*;

/// A server that ends a connection behind so many answers; how many connections it had.
fn server(answers: usize) -> (Uri, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let connections = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            connections.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || (0..answers).try_for_each(|_| answer(&stream)));
        }
    });
    (uri, count)
}

/// `None` once the client has gone.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    while !lines.next()?.ok()?.is_empty() {}
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok()
}

async fn ask(https: &Https, uri: &Uri) {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri.clone();
    assert_eq!(https.send(request).await.unwrap().into_body(), "ok");
}

#[tokio::test]
async fn a_request_that_follows_at_once_takes_the_same_connection() {
    let ((uri, connections), https) = (server(3), Https::default());
    for _ in 0..3 {
        ask(&https, &uri).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_has_ended_is_not_used_again() {
    let ((uri, connections), https) = (server(1), Https::default());
    ask(&https, &uri).await;
    let ended = async {
        while https.kept.is_open() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), ended).await.expect("the server's end comes here");
    ask(&https, &uri).await;
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_is_used_for_its_own_server_alone() {
    let ((one, _), (other, connections), https) = (server(1), server(1), Https::default());
    ask(&https, &one).await;
    ask(&https, &other).await;
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_a_second_is_not_trusted() {
    let ((uri, connections), https) = (server(3), Https::default());
    ask(&https, &uri).await;
    https.kept.grow_older(Duration::from_secs(1));
    ask(&https, &uri).await;
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
