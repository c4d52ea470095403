//! A bare hyper service, with the socket options of `shared/src/serve/http`: every request
//! gets the recorded answer, and nothing is logged.

use std::convert::Infallible;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use recorded_answer::{RecordedAnswer, address};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// As long a queue as the functions have.
const QUEUE: u32 = 4096;

#[tokio::main]
async fn main() {
    let answer = RecordedAnswer::read();
    let listener = listen();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, answer.clone()));
    }
}

fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket");
    socket.bind(address().into()).expect("the port is free");
    socket.listen(QUEUE).expect("the port is free")
}

async fn serve(stream: TcpStream, answer: RecordedAnswer) {
    let service = service_fn(|_: Request<Incoming>| {
        let mut response = Response::new(Full::<Bytes>::new(answer.body.clone()));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.clone();
        async { Ok::<_, Infallible>(response) }
    });
    // Without a timer no time is taken: the functions' limits are part of their cost.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
