//! HTTP over plain sockets: a test controls each byte and when a connection ends.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{Answer, Service};

/// Longer than any time limit under test.
const LIMIT: Duration = Duration::from_secs(15);

/// A connection, open until it is dropped.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to this port of 127.0.0.1; an error if there is no listener.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { reader: BufReader::with_capacity(1024, stream) })
    }

    /// Connects to a service.
    pub fn to(service: &Service) -> Self {
        Self::open(service.port).expect("the service listens")
    }

    /// Sets how long it waits for bytes, in place of 15 s.
    pub fn set_timeout(&mut self, limit: Duration) {
        self.reader.get_ref().set_read_timeout(Some(limit)).expect("a socket");
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// Reads the next answer; an error if the connection ends first, or after 15 s without a byte.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let (head, body) = read_message(&mut self.reader)?;
        let mut lines = head.trim_end().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            let value = value.trim().parse().expect("a header's value");
            (name.parse().expect("a header's name"), value)
        });
        Ok(Answer { status: status.expect("HTTP"), headers: headers.collect(), body })
    }

    /// Sends a request and reads its answer.
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> io::Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    /// Reads until the peer closes the connection; panics after 15 s without a byte.
    pub fn read_to_end(&mut self) -> String {
        let mut rest = Vec::new();
        let end = self.reader.read_to_end(&mut rest);
        let rest = String::from_utf8_lossy(&rest).into_owned();
        if let Err(error) = end {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error} after {rest:?}");
        }
        rest
    }

    /// Measures the time until the peer closes the connection; panics if it sends anything.
    pub fn time_to_close(&mut self) -> Duration {
        let since = Instant::now();
        assert_eq!(self.read_to_end(), "");
        since.elapsed()
    }

    /// Whether the peer neither sends nor closes for this long.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.set_timeout(time);
        let peeked = self.reader.get_ref().peek(&mut [0]);
        self.set_timeout(LIMIT);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Reads the head of a request or an answer, and its body, whose length the head has.
pub(crate) fn read_message(reader: &mut impl BufRead) -> io::Result<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(bytes) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

/// The head of a request with these header lines, each with its line break.
pub fn head(request: &str, headers: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")
}
