//! The side of Lambda of the runtime protocol, one call at a time: what `cargo lambda`
//! does not play, such as snapshots and deadlines.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// For a start, a fetch, or both.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// What the paths of its calls begin with.
pub const API: &str = "/2018-06-01/runtime";

/// The side of Lambda.
#[derive(Debug)]
pub struct RuntimeApi {
    listener: TcpListener,
}

/// A call of the function's that waits for its answer.
#[derive(Debug)]
pub struct Call {
    stream: TcpStream,
    /// When the head of it had come.
    pub arrived: Instant,
    /// The path that it calls.
    pub path: String,
    /// What it has to say.
    pub body: Vec<u8>,
}

impl RuntimeApi {
    /// Listens.
    ///
    /// # Panics
    ///
    /// If it cannot.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it listens")]
    pub fn new() -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).expect("the function speaks HTTP") }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to be.
    ///
    /// # Panics
    ///
    /// Never: it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.listener.local_addr().expect("the function speaks HTTP").to_string()
    }

    /// Waits for the next call.
    ///
    /// # Panics
    ///
    /// If there is none within 20 s, or it is not HTTP.
    #[must_use]
    pub fn next_call(&self) -> Call {
        // Woken up by the call: a start takes milliseconds, which are measured.
        let limit = Timespec::try_from(CALL_LIMIT).expect("some seconds");
        let called = poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&limit));
        assert_eq!(called, Ok(1), "waited in vain: a call of the function's");
        let (stream, _) = self.listener.accept().expect("the function speaks HTTP");
        stream.set_read_timeout(Some(CALL_LIMIT)).expect("the function speaks HTTP");
        let mut reader = BufReader::new(stream.try_clone().expect("the function speaks HTTP"));
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("the function speaks HTTP");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let arrived = Instant::now();
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body =
            vec![0; length.map_or(0, |length| length.parse().expect("the function speaks HTTP"))];
        reader.read_exact(&mut body).expect("the function speaks HTTP");
        let path = lines[0].split(' ').nth(1).expect("the function speaks HTTP").to_owned();
        Call { stream, arrived, path, body }
    }
}

impl Call {
    /// Answers it, with an invocation that may take for ever.
    ///
    /// # Panics
    ///
    /// If the function has hung up.
    pub fn answer(self, body: &str) {
        self.answer_until(9_999_999_999_999, body);
    }

    /// Answers it with an invocation that ends at `deadline`, in milliseconds since 1970.
    ///
    /// # Panics
    ///
    /// If the function has hung up.
    pub fn answer_until(mut self, deadline: u128, body: &str) {
        write!(
            self.stream,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
             Lambda-Runtime-Aws-Request-Id: one\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:0:function:f\r\n\r\n{body}",
            body.len()
        )
        .expect("the function speaks HTTP");
    }
}
