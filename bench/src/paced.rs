//! Requests at a rate, and how long each answer took from the moment at which its request was
//! due: a slow answer counts for those that had to wait behind it as well.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
};
use system_tests::raw::Connection;

use crate::series::{Series, float};

/// For an answer that does not come.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
const OK: &[u8] = b"HTTP/1.1 200 ";

/// A rate of requests over some kept connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    pub(crate) connections: usize,
}

impl Pace {
    /// Milliseconds of each answer.
    ///
    /// # Panics
    ///
    /// If an answer is not 200, or none comes for 10 s.
    pub(crate) fn run(self, address: SocketAddr, request: &str, time: Duration) -> Series {
        let mut clients = Clients::connect(address, request, self.connections);
        let (began, mut next, mut latencies) = (Instant::now(), 0, Series::default());
        // All that are due, and what they are answered with.
        let due = |number| began + Duration::from_secs_f64(float(number) / self.per_second);
        loop {
            while due(next) <= Instant::now() && due(next) < began + time && clients.send(due(next))
            {
                next += 1;
            }
            let is_over = due(next) >= began + time;
            if is_over && clients.are_idle() {
                return latencies;
            }
            let pause = due(next).saturating_duration_since(Instant::now());
            let pause = (!is_over && clients.one_is_idle()).then_some(pause);
            clients.receive(pause, &mut latencies);
        }
    }
}

struct Clients {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    all: Vec<Client>,
    idle: VecDeque<usize>,
    request: Vec<u8>,
    /// All answers to one request have the same length.
    answer: usize,
}

struct Client {
    stream: TcpStream,
    due: Instant,
    received: usize,
}

impl Clients {
    fn connect(address: SocketAddr, request: &str, connections: usize) -> Self {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
        let connect = |number: usize| {
            let stream = TcpStream::connect(address).expect("it listens");
            stream.set_nodelay(true).expect("a socket");
            stream.set_nonblocking(true).expect("a socket");
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("a socket");
            Client { stream, due: Instant::now(), received: 0 }
        };
        let all: Vec<Client> = (0..connections).map(connect).collect();
        Self {
            epoll,
            events: Vec::with_capacity(256),
            idle: (0..connections).collect(),
            all,
            request: request.as_bytes().to_vec(),
            answer: answer_length(address, request),
        }
    }

    /// Whether there was a connection for it.
    fn send(&mut self, due: Instant) -> bool {
        let Some(number) = self.idle.pop_front() else { return false };
        let client = &mut self.all[number];
        (client.due, client.received) = (due, 0);
        client.stream.write_all(&self.request).expect("it reads");
        true
    }

    fn one_is_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    fn are_idle(&self) -> bool {
        self.idle.len() == self.all.len()
    }

    /// What comes, within `pause` where there is one.
    fn receive(&mut self, pause: Option<Duration>, latencies: &mut Series) {
        let limit = pause.map_or(PATIENCE, |pause| pause.try_into().expect("a short pause"));
        self.events.clear();
        let waited = epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&limit));
        let count = waited.expect("epoll");
        assert!(pause.is_some() || count > 0, "no answer for {} s", PATIENCE.tv_sec);
        let mut buffer = [0; 16 * 1024];
        for event in &self.events {
            let number = usize::try_from(event.data.u64()).expect("a number of ours");
            let client = &mut self.all[number];
            let length = client.stream.read(&mut buffer).expect("it answers");
            assert!(client.received > 0 || buffer[..length].starts_with(OK), "not a 200");
            client.received += length;
            if client.received == self.answer {
                latencies.push_ms(client.due.elapsed());
                self.idle.push_back(number);
            }
            assert!(client.received <= self.answer, "an answer of another length");
        }
    }
}

fn answer_length(address: SocketAddr, request: &str) -> usize {
    let answer = Connection::open(address).and_then(|mut it| it.exchange(request));
    let answer = answer.expect("it answers");
    assert_eq!(answer.status, 200, "{}", answer.headers);
    answer.headers.len() + answer.body.len()
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, io::BufReader, net::TcpListener, thread};

    use super::*;

    /// Answers one connection after the other, each request after a pause.
    fn slow_server(pause: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    let mut line = String::new();
                    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                        if line == "\r\n" {
                            thread::sleep(pause);
                            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                            reader.get_mut().write_all(answer).expect("a client");
                        }
                        line.clear();
                    }
                });
            }
        });
        address
    }

    #[test]
    fn requests_are_as_many_as_were_asked_for_and_their_time_is_that_of_the_answer() {
        let address = slow_server(Duration::from_millis(5));
        let pace = Pace { per_second: 100.0, connections: 4 };
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let latencies = pace.run(address, request, Duration::from_millis(500));
        assert_eq!(latencies.len(), 50);
        assert!(latencies.quantile(0.0) >= 5.0, "{}", latencies.quantile(0.0));
        assert!(latencies.median() < 50.0, "{}", latencies.median());
    }

    #[test]
    fn whoever_waits_behind_a_slow_answer_is_counted_with_the_wait() {
        let address = slow_server(Duration::from_millis(20));
        // One connection answers 50 a second, and 100 are due.
        let pace = Pace { per_second: 100.0, connections: 1 };
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let latencies = pace.run(address, request, Duration::from_millis(500));
        assert_eq!(latencies.len(), 50);
        assert!(latencies.quantile(1.0) > 300.0, "{}", latencies.quantile(1.0));
    }
}
