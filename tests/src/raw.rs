//! HTTP byte by byte, on connections that a test keeps, breaks or leaves alone.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::service::Service;

/// Longer than any limit that is tested.
const LIMIT: Duration = Duration::from_secs(15);

/// One connection, kept until it is dropped.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
}

/// The answer to one request.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// All headers as they came, in lower case.
    pub headers: String,
    /// The body.
    pub body: String,
}

impl RawAnswer {
    /// Whether it says that the connection ends with it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.headers.contains("connection: close\r\n")
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { reader: BufReader::with_capacity(1024, stream) })
    }

    /// Waits so long for answers, in place of 15 s.
    pub fn wait_up_to(&mut self, limit: Duration) {
        self.reader.get_ref().set_read_timeout(Some(limit)).expect("a socket");
    }

    /// Connects to a service.
    #[must_use]
    pub fn to(service: &Service) -> Self {
        Self::open(address(service)).expect("the service listens")
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// If the connection is closed.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// The next answer, whole.
    ///
    /// # Errors
    ///
    /// If the connection ends before it, or nothing comes for 15 s.
    pub fn answer(&mut self) -> io::Result<RawAnswer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.reader.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let headers = head.to_ascii_lowercase();
        let length = headers.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(RawAnswer { status: status.expect("a status"), headers, body })
    }

    /// Sends a request and gives its answer.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> io::Result<RawAnswer> {
        self.send(request)?;
        self.answer()
    }

    /// All that comes until the other side ends the connection, which it does within 15 s.
    #[must_use]
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
    #[must_use]
    pub fn time_to_end(&mut self) -> Duration {
        let since = Instant::now();
        assert_eq!(self.rest(), "");
        since.elapsed()
    }

    /// Whether nothing comes for this long, not even the end.
    #[must_use]
    pub fn is_silent(&mut self, time: Duration) -> bool {
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(time)).expect("a socket");
        let nothing = stream.peek(&mut [0]).is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        nothing
    }
}

/// Where a service listens.
#[must_use]
pub fn address(service: &Service) -> SocketAddr {
    service.url("").trim_start_matches("http://").parse().expect("an address")
}

/// The head of a request with these header lines, each with its line break.
#[must_use]
pub fn head(request: &str, headers: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")
}
