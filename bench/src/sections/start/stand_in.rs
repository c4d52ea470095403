//! Servers of the driver's own, whose answers take no time.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// What was asked.
pub(super) struct Request {
    /// The request line and the headers.
    pub(super) head: Vec<String>,
    pub(super) body: String,
}

impl Request {
    /// The value of a header, whose name is in lower case here.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let all = self.head.iter().filter_map(|line| line.split_once(':'));
        all.map(|(name, value)| (name.to_lowercase(), value.trim()))
            .find_map(|(found, value)| (found == name).then_some(value))
    }
}

/// Status, and a body of JSON.
pub(super) type Answer = (String, String);

/// Listens as long as this process lives, each connection on a thread of its own; the port.
pub(super) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Answers the requests of a connection until its client ends it.
pub(super) fn answer_all(stream: impl Read + Write, answer: impl Fn(&Request) -> Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = next(&mut reader) {
        let (status, body) = answer(&request);
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let written = reader.get_mut().write_all(text.as_bytes());
        if written.and_then(|()| reader.get_mut().flush()).is_err() {
            return;
        }
    }
}

fn next(reader: &mut impl BufRead) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut request = Request { head, body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}
