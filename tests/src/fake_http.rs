//! An HTTP server of which the test says what it answers.

use std::{
    io::{self, BufReader, Write},
    net::TcpStream,
    thread,
};

use crate::{raw::read_message, wait};

/// Starts one and gives its port. `answer` makes an answer's bytes of the head and the body
/// of a request; one that says `connection: close` is the last of its connection. The server ends
/// with the test process.
pub fn start(answer: impl Fn(&str, &str) -> Vec<u8> + Clone + Send + 'static) -> u16 {
    let (listener, port) = wait::listener();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that gave up is no failure of the server.
            thread::spawn(move || drop(serve(&client, answer)));
        }
    });
    port
}

fn serve(mut client: &TcpStream, answer: impl Fn(&str, &str) -> Vec<u8>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    loop {
        let (head, body) = read_message(&mut reader)?;
        let answer = answer(&head, &String::from_utf8_lossy(&body));
        client.write_all(&answer)?;
        if String::from_utf8_lossy(&answer).contains("connection: close") {
            return Ok(());
        }
    }
}

/// The bytes of an answer in JSON, as Secrets Manager gives it.
pub fn json(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
