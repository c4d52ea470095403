//! A fake HTTP server whose answers a test defines.

use std::{
    io::{self, BufReader, Write},
    net::TcpStream,
    thread,
};

use crate::{raw::read_message, wait};

/// Starts a server that runs until the test process ends, and returns its port. `answer` gets the
/// head and the body of a request and returns the bytes of the answer. After an answer with
/// `connection: close` the server closes the connection.
pub fn start(answer: impl Fn(&str, &str) -> Vec<u8> + Clone + Send + 'static) -> u16 {
    let (listener, port) = wait::listener();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = answer.clone();
            // An error means that the client has disconnected.
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

/// The bytes of a JSON answer of Secrets Manager.
pub fn json(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
