//! An HTTP proxy whose answers are slow, failures, or nonsense, for a service that does
//! not do so by itself.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// What becomes of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They are passed on.
    None,
    /// They come after a while.
    Slow(Duration),
    /// There is this one instead, a status and a body of JSON.
    Instead(u16, &'static str),
    /// The head and half of the body come, and then the connection ends.
    Truncated,
}

/// Ends with the test process; until then it waits for connections, each for one request.
pub struct FaultyHttp {
    port: u16,
    fault: Arc<Mutex<Fault>>,
}

impl FaultyHttp {
    /// A proxy in front of a port of the loopback interface.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start(target: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let fault = Arc::new(Mutex::new(fault));
        let current = Arc::clone(&fault);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let fault = *lock(&current);
                // A client that gave up is no failure of the proxy.
                thread::spawn(move || drop(answer(client, target, fault)));
            }
        });
        Self { port, fault }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What becomes of the answers to requests from now on.
    pub fn set(&self, fault: Fault) {
        *lock(&self.fault) = fault;
    }
}

fn lock(fault: &Mutex<Fault>) -> MutexGuard<'_, Fault> {
    fault.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut client: TcpStream, target: u16, fault: Fault) -> std::io::Result<()> {
    let (head, body) = read_message(&client)?;
    if let Fault::Instead(status, body) = fault {
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.1\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        return client.write_all(&[head.as_bytes(), body.as_bytes()].concat());
    }
    let mut server = TcpStream::connect(("127.0.0.1", target))?;
    server.write_all(&[head, body].concat())?;
    let (head, mut body) = read_message(&server)?;
    match fault {
        Fault::Slow(time) => thread::sleep(time),
        Fault::Truncated => body.truncate(body.len() / 2),
        _ => {}
    }
    client.write_all(&[head, body].concat())
}

/// The head of a request or an answer as it came, and its body.
fn read_message(stream: &TcpStream) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = head[start..].trim_end().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap_or_default();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head.into_bytes(), body))
}
