//! A name server for one name.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// The header of a message, RFC 1035 section 4.1.1.
const HEADER: usize = 12;

/// Answers that `name` is 127.0.0.1, and that there is no other name.
#[derive(Debug)]
pub struct NameServer {
    answered: Arc<AtomicUsize>,
}

impl NameServer {
    /// Answers on port 53 of `address`, for as long as the process lives.
    ///
    /// # Panics
    ///
    /// If it may not: the port is for root.
    #[must_use]
    pub fn start(address: Ipv4Addr, name: &str) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((address, 53))).expect("port 53, as root");
        let answered = Arc::new(AtomicUsize::new(0));
        let (count, name) = (Arc::clone(&answered), encode(name));
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                let Some(answer) = answer(&query[..length], &name) else { continue };
                count.fetch_add(1, Ordering::Relaxed);
                socket.send_to(&answer, client).ok();
            }
        });
        Self { answered }
    }

    /// How many queries it has answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Labels, each behind its length.
fn encode(name: &str) -> Vec<u8> {
    let labels = name.split('.').chain([""]);
    let label = |label: &str| {
        let length = u8::try_from(label.len()).expect("a label of a name");
        [&[length], label.as_bytes()].concat()
    };
    labels.flat_map(label).collect()
}

fn answer(query: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let question = query.get(HEADER..HEADER + name.len() + 4)?;
    let (asked, kind) = question.split_at(name.len());
    let is_known = asked.eq_ignore_ascii_case(name);
    let is_address = kind == [0, 1, 0, 1];
    let found = u8::from(is_known && is_address);
    // A response, recursion desired and available; name error where it is another name.
    let flags = [0x81, if is_known { 0x80 } else { 0x83 }];
    let mut answer = [&query[..2], &flags, &[0, 1, 0, found, 0, 0, 0, 0], question].concat();
    if found == 1 {
        // The name as in the question, type A, class IN, 1 s, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
