//! HTTP byte by byte, on connections that a test keeps, breaks or leaves alone.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{http::Answer, service::Service};

/// Longer than any limit that is tested.
const LIMIT: Duration = Duration::from_secs(15);

/// One connection, kept until it is dropped.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects; an error if there is no listener.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { reader: BufReader::with_capacity(1024, stream) })
    }

    /// Connects to a service.
    pub fn to(service: &Service) -> Self {
        Self::open(address(service)).expect("the service listens")
    }

    /// Waits so long for answers, in place of 15 s.
    pub fn wait_up_to(&mut self, limit: Duration) {
        self.reader.get_ref().set_read_timeout(Some(limit)).expect("a socket");
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// The next answer, whole; an error if the connection ends before it, or nothing comes for
    /// 15 s.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let (mut status, mut headers) = (0, HeaderMap::new());
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                _ if status == 0 => {
                    status = line.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("HTTP");
                }
                Some((name, value)) => {
                    let name: HeaderName = name.parse().expect("a header's name");
                    let value = HeaderValue::from_str(value.trim()).expect("a header's value");
                    headers.append(name, value);
                }
                None => break,
            }
        }
        let length = headers.get("content-length").and_then(|length| length.to_str().ok());
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        self.reader.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    /// Sends a request and gives its answer.
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> io::Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    /// All that comes until the other side ends the connection, which it does within 15 s.
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let end = self.reader.read_to_end(&mut rest);
        let rest = String::from_utf8_lossy(&rest).into_owned();
        if let Err(error) = end {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error} behind {rest:?}");
        }
        rest
    }

    /// How long it takes until the other side ends the connection, without a word.
    pub fn time_to_end(&mut self) -> Duration {
        let since = Instant::now();
        assert_eq!(self.rest(), "");
        since.elapsed()
    }

    /// Whether nothing comes for this long, not even the end.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.wait_up_to(time);
        let peeked = self.reader.get_ref().peek(&mut [0]);
        self.wait_up_to(LIMIT);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Where a service listens.
pub fn address(service: &Service) -> SocketAddr {
    service.url("").trim_start_matches("http://").parse().expect("an address")
}

/// The head of a request with these header lines, each with its line break.
pub fn head(request: &str, headers: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")
}
