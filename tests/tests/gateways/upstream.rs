//! The API behind a gateway: it notes what arrives, sends bodies back, and speaks WebSocket.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tungstenite::{Message, WebSocket, handshake::derive_accept_key, protocol::Role};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Path and query, byte by byte.
    pub(crate) target: String,
    /// Names as frameworks take them: in lower case, and with `-` for whatever is no letter or digit.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    /// All values under this name, or one that a framework takes for it.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let request = line(reader)?;
        let mut parts = request.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let line = line(reader)?;
            let Some((name, value)) = line.split_once(':') else { break };
            let name = name.to_ascii_lowercase();
            let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
            headers.push((name, value.trim().to_owned()));
        }
        let mut arrived = Self { method, target, headers, body: Vec::new() };
        assert!(arrived.values("transfer-encoding").is_empty(), "only bodies of known length");
        let length = arrived.values("content-length").first().map_or(Ok(0), |text| text.parse());
        arrived.body = vec![0; length.expect("a number")];
        reader.read_exact(&mut arrived.body)?;
        Ok(Some(arrived))
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Ends with the test process; until then it waits for connections.
pub(crate) struct Upstream {
    port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // A gateway that hangs up is no failure.
                thread::spawn(move || drop(serve(&stream, &noted)));
            }
        });
        Self { port, arrived }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What has arrived since this was last asked.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(mut stream: &TcpStream, noted: &Mutex<Vec<Arrived>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(arrived) = Arrived::read(&mut reader)? {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(arrived.clone());
        if let [key] = arrived.values("sec-websocket-key")[..] {
            let accept = derive_accept_key(key.as_bytes());
            write!(
                stream,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            )?;
            echo(WebSocket::from_raw_socket(stream, Role::Server, None));
            return Ok(());
        }
        let length = arrived.body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: {length}\r\n\r\n")?;
        if arrived.method != "HEAD" {
            stream.write_all(&arrived.body)?;
        }
    }
    Ok(())
}

/// Says hello, and then what it is told.
fn echo(mut socket: WebSocket<&TcpStream>) {
    let mut next = Ok(Message::text("hello"));
    while let Ok(message) = next {
        if message.is_close() || socket.send(message).is_err() {
            break;
        }
        next = socket.read();
    }
}
